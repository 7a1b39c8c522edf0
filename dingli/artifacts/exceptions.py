"""What can go wrong when a program is built."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = ["ArtifactError"]


class ArtifactError(DingliError):
    """A program cannot be built."""
