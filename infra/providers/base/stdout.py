"""Standard output belongs to the engine: whatever precedes the port line there is fatal, what follows is lost.

This module is imported, and `claim` called, before anything else; it must import nothing that could print.
"""

import os

__all__ = ["claim"]


def claim() -> int:
    """Send everything printed from now on to stderr; return the descriptor on which the engine expects the port."""
    engine = os.dup(1)
    os.dup2(2, 1)
    return engine
