"""Archiving: every closed segment that the bucket does not have yet is written, read back and compared.

All that is known of what is done stands in the bucket, so the archiver can be ended and begun anywhere. Two at once
write the same bytes to the same keys, and both go on from the version that was there first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dingli.archive.bucket import Bucket, Version
from dingli.archive.chain import Link, journal_name, journals, key_of
from dingli.archive.exceptions import ArchiveError, SegmentDamaged
from dingli.archive.segment import NOTHING_BEFORE, Segment, head_of_entry, pack, unpack
from dingli.archive.source import Journal

__all__ = ["Outcome", "archive_closed"]


@dataclass(frozen=True)
class Outcome:
    """What a cell's archive holds now: entries 1 to `last` of `journal`; `written`: segments added by this call.

    `newest` is where the newest segment stands: the next call need not look through the whole bucket for it.
    """

    cell: str
    journal: str
    last: int
    sum: str
    written: int
    doubts: tuple[str, ...] = ()
    newest: Version | None = None


def archive_closed(
    bucket: Bucket,
    environment: str,
    journal: Journal,
    size: int,
    tell: Callable[[str], None] = lambda line: None,
    before: Outcome | None = None,
) -> Outcome:
    """Archives until fewer than `size` entries are left. `tell` gets a line for each segment; `before` saves a look."""
    return _Archiver(bucket, environment, journal, size, tell).run(before)


class _Archiver:
    def __init__(
        self, bucket: Bucket, environment: str, journal: Journal, size: int, tell: Callable[[str], None]
    ) -> None:
        self._bucket = bucket
        self._environment = environment
        self._journal = journal
        self._size = size
        self._tell = tell
        self._doubts: list[str] = []

    def run(self, before: Outcome | None) -> Outcome:
        name, newest = self._still_there(before) or self._where_it_stands()
        last, sum_ = (newest.header.last, newest.header.sum) if newest else (0, NOTHING_BEFORE)
        written = 0
        is_full = bool(self._journal.read(last + self._size, last + self._size))  # most calls end with this one entry
        while is_full and (entries := self._full(last + 1)):
            link, is_new = self._archive(name, entries, sum_)
            newest, last, sum_, written = link, link.header.last, link.header.sum, written + is_new
            self._tell(f"{self._journal.cell}: entries {link.header.first} to {last}, {link.version.size} bytes")
        doubts = tuple(dict.fromkeys(self._doubts))
        version = newest.version if newest else None
        return Outcome(self._journal.cell, name, last, sum_, written, doubts, version)

    def _full(self, first: int) -> list[bytes]:
        """The entries of a segment that is closed; none while it is open."""
        last = first + self._size - 1
        entries = self._journal.read(first, last)
        if len(entries) < self._size and self._journal.read(last, last):
            entries = self._journal.read(first, last)  # it was filled in between, or it has a hole
            if len(entries) < self._size:
                raise ArchiveError(
                    f"cell {self._journal.cell}: entry {first + len(entries)} is missing in etcd",
                    "entries without a gap",
                    "see `dingli status`: nothing is archived over a gap",
                )
        return entries if len(entries) == self._size else []

    def _still_there(self, before: Outcome | None) -> tuple[str, Link] | None:
        """What an earlier call ended with, if it is this journal's as much as it was then."""
        if before is None or before.newest is None:
            return None
        segment = self._segment(before.newest)
        if segment is None or not self._is_ours(segment.header.last, segment.entries[-1:]):
            return None
        return before.journal, Link(segment.header, before.newest)

    def _where_it_stands(self) -> tuple[str, Link | None]:
        """The journal's name, and the newest segment in the bucket that is this journal's."""
        cell = self._journal.cell
        for name, objects in reversed(journals(self._bucket, self._environment, cell).items()):
            for versions in (versions for _, versions in sorted(objects.items(), reverse=True)):
                for version in versions:
                    segment = self._segment(version)
                    if segment is not None and self._is_ours(segment.header.last, segment.entries[-1:]):
                        return name, Link(segment.header, version)
        beginning = self._journal.read(1, 1)
        if not beginning:
            raise ArchiveError(
                f"cell {cell}: the journal does not begin with entry 1, and no segment in the bucket is its own",
                "a journal from its beginning, or the archive of its earlier entries",
                "see `archive.bucket`, and `dingli archive list`",
            )
        return journal_name(beginning[0], head_of_entry(beginning[0]).time_ns), None

    def _archive(self, name: str, entries: list[bytes], previous: str) -> tuple[Link, bool]:
        cell = self._journal.cell
        key = key_of(self._environment, cell, name, head_of_entry(entries[0]).n)
        there = self._adopted(key, entries, previous)
        if there is not None:
            return there, False
        self._bucket.put(key, pack(cell, entries, previous))
        # Another archiver may have been faster, even with segments of another size: the first one counts for both.
        there = self._adopted(key, entries, previous)
        if there is None:
            raise ArchiveError(f"{key} is not in the bucket's list", "what was just written", "ask the service")
        return there, True

    def _adopted(self, key: str, entries: list[bytes], previous: str) -> Link | None:
        """The oldest version under the key that holds this journal's entries, behind the segment before."""
        for version in self._bucket.versions(key).get(key, []):
            segment = self._segment(version)
            if segment is None:
                continue
            header = segment.header
            is_next = (header.cell, header.previous) == (self._journal.cell, previous)
            same = segment.entries[: len(entries)] == tuple(entries)[: header.count]
            if is_next and same and self._is_ours(header.last, segment.entries[len(entries) :]):
                return Link(header, version)
            self._doubts.append(f"{key}: version {version.id} holds something else than the journal")
        return None

    def _is_ours(self, last: int, entries: tuple[bytes, ...]) -> bool:
        """Whether the journal has these entries, which end with `last`."""
        return not entries or self._journal.read(last - len(entries) + 1, last) == list(entries)

    def _segment(self, version: Version) -> Segment | None:
        if version.deleted:
            self._doubts.append(f"{version.key}: marked as deleted (version {version.id})")
            return None
        try:
            return unpack(self._bucket.read(version))
        except SegmentDamaged as error:
            self._doubts.append(f"{version.key}: version {version.id} is {error.found}")
            return None
