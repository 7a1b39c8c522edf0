"""What goes wrong with power."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = ["PowerFailed", "PowerRefused"]


class PowerRefused(DingliError):
    """A host has no power driver that this version can use, or nobody who would give its power back."""


class PowerFailed(DingliError):
    """A power controller did not do what it was told."""
