"""What can go wrong with a bundle."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = ["BundleError"]


class BundleError(DingliError):
    """A bundle cannot be built, or its packages do not reach a host."""
