"""The journal's archive: closed parts of it in a bucket whose objects nobody can change or delete (docs/archive.md)."""

from dingli.archive.archiver import Outcome, archive_closed
from dingli.archive.bucket import Bucket, Version, settings_of
from dingli.archive.chain import Chain, Link, journals, read_chain
from dingli.archive.exceptions import ArchiveError, BucketTrouble, SegmentDamaged
from dingli.archive.segment import pack, unpack
from dingli.archive.source import Journal

__all__ = [
    "ArchiveError",
    "Bucket",
    "BucketTrouble",
    "Chain",
    "Journal",
    "Link",
    "Outcome",
    "SegmentDamaged",
    "Version",
    "archive_closed",
    "journals",
    "pack",
    "read_chain",
    "settings_of",
    "unpack",
]
