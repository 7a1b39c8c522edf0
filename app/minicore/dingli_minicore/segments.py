"""What the journal does not hold any more: segments in a folder of this host (docs/archive.md)."""

from __future__ import annotations

import gzip
import io
import json
import logging
import zlib
from hashlib import sha256
from pathlib import Path

__all__ = ["entries_from"]

_log = logging.getLogger("dingli.segments")
_MAGIC = "DINGLI JOURNAL SEGMENT 1 gzip"
_told: set[str] = set()


def entries_from(folder: Path, cell: str, n: int) -> list[tuple[int, bytes]]:
    """Entries n and on, with their numbers, as far as one segment goes. Empty if there is none that holds n."""
    before = sorted(path for path in folder.glob("*.segment") if path.stem <= f"{n:016x}")
    try:
        found = _load(before[-1], cell) if before else []
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        _tell(f"{before[-1]} is no whole segment of cell {cell}: {error}")
        return []
    wanted = [(number, data) for number, data in found if number >= n]
    if not wanted:
        _tell(f"entry {n} is neither in the journal nor in a segment in {folder}: dingli archive place")
    return wanted


def _load(path: Path, cell: str) -> list[tuple[int, bytes]]:
    magic, line, packed = path.read_bytes().split(b"\n", 2)
    header = json.loads(line)
    if magic.decode() != _MAGIC or header["cell"] != cell or int(header["first"]) != int(path.stem, 16):
        raise ValueError("another cell's, or another place's")
    with gzip.open(io.BytesIO(packed)) as stream:
        content = stream.read(int(header["content_bytes"]) + 1)
    if sha256(content).hexdigest() != header["content_sha256"]:
        raise ValueError("its content has another sum than it states")
    entries: list[tuple[int, bytes]] = []
    rest = memoryview(content)
    while rest:
        length = int.from_bytes(rest[:4], "big")
        entries.append((int(header["first"]) + len(entries), bytes(rest[4 : 4 + length])))
        rest = rest[4 + length :]
    if len(entries) != header["last"] - header["first"] + 1:
        raise ValueError(f"{len(entries)} entries, not {header['first']} to {header['last']}")
    return entries


def _tell(text: str) -> None:
    if text not in _told:
        _told.add(text)
        _log.error("%s", text)
