"""A segment: consecutive entries of one cell's journal in one object (docs/archive.md, *A segment*)."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dingli.archive.exceptions import SegmentDamaged

__all__ = ["NOTHING_BEFORE", "EntryHead", "Header", "Segment", "head_of_entry", "pack", "unpack"]

NOTHING_BEFORE = "0" * 64
"""What the first segment of a journal names as the one before it."""

_MAGIC = b"DINGLI JOURNAL SEGMENT 1 gzip\n"
_MOST_HEADER_BYTES = 4096
_MOST_ENTRY_BYTES = 262_144
_ENTRY = struct.Struct(">4sIQQ16sQ32sI")
_ENTRY_MAGIC = b"DJ\x01\x00"
_LENGTH = struct.Struct(">I")
_ZLIB_GZIP = 31
_HASH = r"^[0-9a-f]{64}$"


class EntryHead(NamedTuple):
    """What the archive needs to know of an entry; `time_ns` since 1970."""

    n: int
    time_ns: int
    previous_hash: bytes


class Header(BaseModel):
    """What a segment says of itself; `sum` covers it, and it covers the content."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cell: str = Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$")
    first: int = Field(ge=1, lt=2**63)
    last: int = Field(ge=1, lt=2**63)
    first_time_ns: int = Field(ge=0, lt=2**64)
    last_time_ns: int = Field(ge=0, lt=2**64)
    hash_before: str = Field(pattern=_HASH)
    content_bytes: int = Field(ge=0)
    content_sha256: str = Field(pattern=_HASH)
    previous: str = Field(pattern=_HASH)

    @property
    def line(self) -> bytes:
        """The one way to write it."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"

    @property
    def sum(self) -> str:
        """Names this segment in the next one. It does not depend on how the content is compressed."""
        return hashlib.sha256(self.line).hexdigest()

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Segment:
    """A segment that was read and found whole."""

    header: Header
    entries: tuple[bytes, ...]


def head_of_entry(entry: bytes) -> EntryHead:
    """Number, time and hash of an entry's bytes; raises SegmentDamaged."""
    if not _ENTRY.size <= len(entry) <= _MOST_ENTRY_BYTES:
        raise SegmentDamaged(f"an entry of {len(entry)} bytes", f"{_ENTRY.size} to {_MOST_ENTRY_BYTES}")
    magic, _, _, n, _, time_ns, previous_hash, _ = _ENTRY.unpack_from(entry)
    if magic != _ENTRY_MAGIC:
        raise SegmentDamaged(f"an entry that begins with {magic!r}", repr(_ENTRY_MAGIC))
    return EntryHead(n, time_ns, previous_hash)


def pack(cell: str, entries: Sequence[bytes], previous: str) -> bytes:
    """The bytes of a segment. The same entries give the same header, and so the same sum, wherever they are packed."""
    content = b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)
    first, last = head_of_entry(entries[0]), head_of_entry(entries[-1])
    header = Header(
        cell=cell,
        first=first.n,
        last=last.n,
        first_time_ns=first.time_ns,
        last_time_ns=last.time_ns,
        hash_before=first.previous_hash.hex(),
        content_bytes=len(content),
        content_sha256=hashlib.sha256(content).hexdigest(),
        previous=previous,
    )
    _require_true(header, entries)
    return _MAGIC + header.line + gzip.compress(content, 6, mtime=0)


def unpack(data: bytes) -> Segment:
    """Raises SegmentDamaged for anything that `pack` would not have made, but for the compression."""
    if not data.startswith(_MAGIC):
        raise SegmentDamaged(f"an object that begins with {data[:30]!r}", repr(_MAGIC))
    end = data.find(b"\n", len(_MAGIC), len(_MAGIC) + _MOST_HEADER_BYTES)
    line = data[len(_MAGIC) : end + 1]
    try:
        header = Header.model_validate_json(line)
    except ValidationError as error:
        raise SegmentDamaged(f"a header with {error.error_count()} mistakes", "that of a segment") from None
    if header.line != line or header.last < header.first:
        raise SegmentDamaged("a header that is not written as a segment's is", "sorted keys, no spaces, first to last")
    content = _decompressed(data[end + 1 :], header)
    if hashlib.sha256(content).hexdigest() != header.content_sha256:
        raise SegmentDamaged("content with another sum than its header states", header.content_sha256)
    entries = tuple(_entries(content))
    _require_true(header, entries)
    return Segment(header, entries)


def _decompressed(data: bytes, header: Header) -> bytes:
    if header.content_bytes > header.count * (_MOST_ENTRY_BYTES + _LENGTH.size):
        raise SegmentDamaged(f"content of {header.content_bytes} bytes", f"what {header.count} entries can have")
    codec = zlib.decompressobj(_ZLIB_GZIP)
    try:
        content = codec.decompress(data, header.content_bytes + 1)
    except zlib.error as error:
        raise SegmentDamaged(f"content that does not decompress: {error}", "gzip") from None
    if len(content) != header.content_bytes or not codec.eof or codec.unused_data:
        raise SegmentDamaged(f"content that ends elsewhere than after {header.content_bytes} bytes", "just those")
    return content


def _entries(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        length = _LENGTH.unpack_from(content, at)[0] if at + _LENGTH.size <= len(content) else 0
        at += _LENGTH.size + length
        if not length or at > len(content):
            raise SegmentDamaged("an entry that is cut short", "whole ones")
        yield content[at - length : at]


def _require_true(header: Header, entries: Sequence[bytes]) -> None:
    """What a header says of its entries."""
    heads = [head_of_entry(entry) for entry in entries]
    if [head.n for head in heads] != list(range(header.first, header.last + 1)):
        raise SegmentDamaged("entries that are not numbered from first to last", f"{header.first} to {header.last}")
    if any(later.time_ns <= earlier.time_ns for earlier, later in pairwise(heads)):
        raise SegmentDamaged("an entry that is not later than the one before it", "times that rise")
    told = (header.first_time_ns, header.last_time_ns, header.hash_before)
    if told != (heads[0].time_ns, heads[-1].time_ns, heads[0].previous_hash.hex()):
        raise SegmentDamaged("a header that says something else than its entries", "what they say")
