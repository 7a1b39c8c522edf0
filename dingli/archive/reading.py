"""A whole journal: what is archived from the bucket, and what is not from etcd."""

from __future__ import annotations

from collections.abc import Callable

from dingli.archive.bucket import Bucket
from dingli.archive.chain import journals, read_chain
from dingli.archive.exceptions import ArchiveError
from dingli.archive.segment import Segment
from dingli.archive.source import Journal

__all__ = ["whole_journal"]

_PAGE = 5_000


def whole_journal(
    bucket: Bucket | None,
    environment: str,
    journal: Journal,
    last: int | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[bytes]:
    """The entries from 1 to `last`, or to the end."""
    entries = _archived(bucket, environment, journal) if bucket is not None else []
    while last is None or len(entries) < last:
        more = journal.read(len(entries) + 1, len(entries) + _PAGE)
        entries += more
        tell(f"{len(entries)} entries read")
        if len(more) < _PAGE:
            break
    if not entries:
        raise ArchiveError(
            f"cell {journal.cell}: the journal does not begin with entry 1, and no segment in the bucket is its own",
            "a journal from its beginning, or the archive of its earlier entries",
            "see `archive.bucket`, and `dingli archive list`",
        )
    return entries


def _archived(bucket: Bucket, environment: str, journal: Journal) -> list[bytes]:
    """The archived entries of the journal that goes on in etcd now."""
    for name, objects in reversed(journals(bucket, environment, journal.cell).items()):
        entries: list[bytes] = []

        def add(segment: Segment, entries: list[bytes] = entries) -> None:
            entries += segment.entries

        chain = read_chain(bucket, name, journal.cell, objects, add)
        if chain.whole and journal.read(chain.last, chain.last) == entries[-1:]:
            return entries
    return []
