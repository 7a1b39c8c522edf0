"""Entries that the log does not hold any more, from segments in a folder of this host (docs/archive.md)."""

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import structlog

from dingli_core.entry import MAX_ENTRY_BYTES, decode_entry
from dingli_core.exceptions import CoreError

__all__ = ["SegmentError", "Segments"]

FIRST_LINE = b"DINGLI JOURNAL SEGMENT 1 gzip\n"
GZIP_BITS = 31
_NAME = re.compile(r"([0-9a-f]{16})\.segment")
_LENGTH = struct.Struct(">I")
log = structlog.get_logger()


class SegmentError(CoreError):
    """A file that is no whole segment of this cell; says why."""


class Segments:
    """The folder is looked through anew each time: it may be filled while the core waits for it."""

    def __init__(self, folder: Path, cell: str) -> None:
        self.folder = folder
        self._cell = cell
        self._told: set[str] = set()

    def read(self, n: int) -> list[bytes]:
        """The raw entries from n on, to the end of the segment that holds n; empty when none here does."""
        try:
            path = self._holder(n)
            if path is not None:
                first, entries = read_segment(path, self._cell)
                if n < first + len(entries):
                    return entries[n - first :]
        except (OSError, CoreError) as error:
            self._tell(f"{error}")
        self._tell(f"entry {n} is neither in the log nor in a segment in {self.folder}")
        return []

    def _holder(self, n: int) -> Path | None:
        found = [(name, path) for path in self.folder.glob("*.segment") if (name := _NAME.fullmatch(path.name))]
        able = [(int(name[1], 16), path) for name, path in found]
        return max((one for one in able if one[0] <= n), default=(0, None))[1]

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log.error("the archived entries cannot be had", reason=text, remedy="dingli archive place")


def read_segment(path: Path, cell: str) -> tuple[int, list[bytes]]:
    """The number of the first entry, and all of them; raises SegmentError, or OSError."""
    data = path.read_bytes()
    end = data.find(b"\n", len(FIRST_LINE)) + 1
    try:
        said = json.loads(data[len(FIRST_LINE) : end])
        first, last, size, checksum = (said[name] for name in ("first", "last", "content_bytes", "content_sha256"))
        if not data.startswith(FIRST_LINE) or said["cell"] != cell:
            raise SegmentError(f"{path}: no segment of cell {cell}")
        codec = zlib.decompressobj(GZIP_BITS)
        content = codec.decompress(data[end:], size + 1)
    except (ValueError, KeyError, TypeError, zlib.error, OverflowError) as error:
        raise SegmentError(f"{path}: no whole segment: {error!r}") from error
    if not codec.eof or codec.unused_data or len(content) != size or hashlib.sha256(content).hexdigest() != checksum:
        raise SegmentError(f"{path}: its content is not what its header states")
    entries = list(_split(content, path))
    numbers = [decode_entry(entry).n for entry in entries]
    if numbers != list(range(first, last + 1)) or path.name != f"{first:016x}.segment":
        raise SegmentError(f"{path}: its entries are not those from its name on, {first} to {last}")
    return first, entries


def _split(content: bytes, path: Path) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        start = at + _LENGTH.size
        length = _LENGTH.unpack_from(content, at)[0] if start <= len(content) else 0
        at = start + length
        if not 0 < length <= MAX_ENTRY_BYTES or at > len(content):
            raise SegmentError(f"{path}: an entry is cut short")
        yield content[start:at]
