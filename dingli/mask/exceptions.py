"""What can go wrong while a journal is masked."""

from dingli.exceptions import DingliError

__all__ = ["MaskError"]


class MaskError(DingliError):
    """The journal cannot be copied, or the copy would not be what it should; nothing was written."""
