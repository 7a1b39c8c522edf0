"""The archive of one journal, read from its beginning: which version of each object is the segment, and what is wrong.

Who has ordinary credentials can add versions and marks of deletion, but cannot take away what is locked. So nothing is
believed because it is the newest: a segment is the oldest version that is whole and follows from the segment before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dingli.archive.bucket import Bucket, Version
from dingli.archive.exceptions import SegmentDamaged
from dingli.archive.segment import NOTHING_BEFORE, Header, Segment, unpack

__all__ = ["Chain", "Link", "journal_name", "journals", "key_of", "read_chain"]

_FOLDER = "journal"
_ENDING = ".segment"


@dataclass(frozen=True)
class Link:
    """A segment in its place."""

    header: Header
    version: Version


@dataclass
class Chain:
    """The segments of one journal, in order, and everything that is not as it should be, named by its key."""

    name: str
    links: list[Link] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing from entry 1 to the last one that is archived."""
        firsts = [link.header.first for link in self.links]
        return firsts == [1, *(link.header.last + 1 for link in self.links)][: len(firsts)] != []

    @property
    def last(self) -> int:
        """The last entry that is archived; 0 without any."""
        return self.links[-1].header.last if self.links else 0

    @property
    def sum(self) -> str:
        """Of the newest segment: it covers all that are before it."""
        return self.links[-1].header.sum if self.links else NOTHING_BEFORE


def prefix_of(environment: str, cell: str) -> str:
    return f"{environment}/{_FOLDER}/{cell}/"


def journal_name(first_entry: bytes, time_ns: int) -> str:
    """A cell that is set up anew begins another journal: when its first entry was made, and the sum of that."""
    at = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{at:%Y%m%dT%H%M%SZ}-{hashlib.sha256(first_entry).hexdigest()[:8]}"


def key_of(environment: str, cell: str, journal: str, first: int) -> str:
    """Only the first number: who would write other entries there writes another version of the same object."""
    return f"{prefix_of(environment, cell)}{journal}/{first:016x}{_ENDING}"


def journals(bucket: Bucket, environment: str, cell: str) -> dict[str, dict[int, list[Version]]]:
    """By journal, the oldest first, and by number of the first entry: all versions of that object."""
    prefix = prefix_of(environment, cell)
    found: dict[str, dict[int, list[Version]]] = {}
    for key, versions in bucket.versions(prefix).items():
        name, _, rest = key.removeprefix(prefix).partition("/")
        number = rest.removesuffix(_ENDING)
        if rest.endswith(_ENDING) and len(number) == 16 and set(number) <= set("0123456789abcdef"):
            found.setdefault(name, {})[int(number, 16)] = versions
    return dict(sorted(found.items()))


def read_chain(
    bucket: Bucket,
    name: str,
    cell: str,
    objects: dict[int, list[Version]],
    see: Callable[[Segment], None] = lambda segment: None,
) -> Chain:
    """Reads every version of every object. `see` gets each segment of the chain, in order."""
    chain = Chain(name)
    for first, versions in sorted(objects.items()):
        if first <= chain.last and chain.links:
            chain.findings.append(f"{versions[0].key}: begins inside the segment before it, and is left out")
            continue
        if first != chain.last + 1:
            chain.findings.append(f"entries {chain.last + 1} to {first - 1}: no segment holds them")
        candidates = list(_candidates(bucket, chain, cell, first, versions))
        chosen = _chosen(bucket, cell, candidates, objects)
        if chosen is None:
            chain.findings.append(f"{versions[0].key}: no version of it is the segment that was archived")
            continue
        segment, version = chosen
        chain.links.append(Link(segment.header, version))
        chain.findings += _about_lock(bucket, version)
        see(segment)
    return chain


def _candidates(
    bucket: Bucket, chain: Chain, cell: str, first: int, versions: list[Version]
) -> Iterator[tuple[Segment, Version]]:
    """Versions that are whole and follow from the segment before; one of each sum."""
    follows = chain.last + 1 == first
    sums: set[str] = set()
    for version in versions:
        if version.deleted:
            chain.findings.append(f"{version.key}: marked as deleted (version {version.id}); it is still there")
            continue
        try:
            segment = unpack(bucket.read(version))
        except SegmentDamaged as error:
            chain.findings.append(f"{version.key}: version {version.id} is {error.found}")
            continue
        header = segment.header
        is_other = first == 1 and journal_name(segment.entries[0], header.first_time_ns) != chain.name
        if (header.cell, header.first) != (cell, first) or is_other or (follows and header.previous != chain.sum):
            chain.findings.append(f"{version.key}: version {version.id} does not follow from the segment before it")
        elif header.sum not in sums:
            sums.add(header.sum)
            yield segment, version


def _chosen(
    bucket: Bucket, cell: str, candidates: list[tuple[Segment, Version]], objects: dict[int, list[Version]]
) -> tuple[Segment, Version] | None:
    """The oldest; of several, the oldest that the next segment names as the one before it."""
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    for segment, version in candidates:
        for later in objects.get(segment.header.last + 1, []):
            try:
                if not later.deleted and unpack(bucket.read(later)).header.previous == segment.header.sum:
                    return segment, version
            except SegmentDamaged:
                continue
    return candidates[0]


def _about_lock(bucket: Bucket, version: Version) -> list[str]:
    return [] if bucket.locked_until(version) else [f"{version.key}: version {version.id} is not locked any more"]
