"""What can go wrong with the archive."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = ["ArchiveError", "BucketTrouble", "SegmentDamaged"]


class ArchiveError(DingliError):
    """Something could not be archived, read or removed."""


class BucketTrouble(ArchiveError):
    """The bucket cannot be used, or is not what an archive needs."""


class SegmentDamaged(ArchiveError):
    """Bytes that are no segment, or not the one that was expected."""
