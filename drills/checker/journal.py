"""The journal as it was brought here: archived segments (docs/archive.md) for its beginning, if etcd does not hold that
any more, and what `dingli-core-ctl CELL dump` gives: one JSON line per entry, {"n", "mod_revision", "value": base64}.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from drills.checker.record import Incomplete
from drills.checker.wire import Entry, WireError

SEGMENTS = "segments"
"""The folder beside a dump that holds archived segments, if any."""


@dataclass(frozen=True)
class Dump:
    """All entries from 1, and the number of the last one."""

    entries: list[bytes]
    head: int


def read_dump(path: Path, segments: Path | None = None) -> Dump:
    """Reads a dump, and the segments in a folder (`segments` beside it) for entries that the dump does not hold.

    Raises Incomplete for one that is cut off or not a dump, and where entries are missing.
    """
    tail = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            entry = json.loads(line)
            tail[int(entry["n"])] = base64.b64decode(entry["value"], validate=True)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise Incomplete(f"{path.name}:{number} is not an entry: {error}") from error
    if not tail:
        raise Incomplete(f"{path.name} holds no entries")
    before = read_segments(segments or path.parent / SEGMENTS)
    archived = dict(enumerate(before, start=1))
    for n in archived.keys() & tail.keys():
        if archived[n] != tail[n]:
            raise Incomplete(f"entry {n} of the archive is not the journal's")
    found = archived | tail
    for n in range(1, max(found) + 1):
        if n not in found:
            raise Incomplete(f"entry {n} is neither in {path.name} nor in an archived segment")
    return Dump([found[n] for n in sorted(found)], len(found))


def read_segments(folder: Path) -> list[bytes]:
    """All entries of a folder's segments, from 1. Raises Incomplete unless they are whole and follow each other."""
    entries: list[bytes] = []
    previous = "0" * 64
    for path in sorted(folder.glob("*.segment")):
        magic, _, rest = path.read_bytes().partition(b"\n")
        line, _, packed = rest.partition(b"\n")
        try:
            header = json.loads(line)
            content = gzip.decompress(packed)
            found = _split(content)
            numbers = [Entry.decode(one).n for one in found]
        except (ValueError, OSError, EOFError, zlib.error, WireError) as error:
            raise Incomplete(f"{path.name} is no segment: {error}") from error
        if magic != b"DINGLI JOURNAL SEGMENT 1 gzip" or header["previous"] != previous:
            raise Incomplete(f"{path.name} does not follow from the segment before it")
        if hashlib.sha256(content).hexdigest() != header["content_sha256"]:
            raise Incomplete(f"{path.name}: its content has another sum than it states")
        expected = list(range(len(entries) + 1, len(entries) + 1 + len(found)))
        if numbers != expected or [numbers[0], numbers[-1]] != [header["first"], header["last"]]:
            raise Incomplete(f"{path.name}: holds entries {numbers[0]} to {numbers[-1]}, expected {expected[0]} first")
        entries += found
        previous = hashlib.sha256(line + b"\n").hexdigest()
    return entries


def _split(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if not length or at + 4 + length > len(content):
            raise ValueError(f"an entry at byte {at} is cut short")
        found.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    if not found:
        raise ValueError("it holds no entries")
    return found
