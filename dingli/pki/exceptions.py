"""What can go wrong with certificates and passwords."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = ["PkiError"]


class PkiError(DingliError):
    """A certificate, key or password cannot be made or used."""
