"""Entries of the journal: their bytes, and the hash that rolls over them (docs/protocol.md, sections 3 and 5)."""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from dingli_core.exceptions import DecodingError

__all__ = ["MAX_ENTRY_BYTES", "Entry", "decode_entry", "encode_entry", "first_hash", "next_hash"]

MAX_ENTRY_BYTES = 262_144
HEADER_BYTES = 84
COMMAND_OVERHEAD_BYTES = 2

_MAGIC = b"DJ"
_VERSION = 1
_HEADER = struct.Struct(">2sBBIQQ16sQ32sI")
_LENGTH = struct.Struct(">H")


class Entry(NamedTuple):
    """`time` in nanoseconds since 1970; `commands` still encoded."""

    generation: int
    epoch: int
    n: int
    batch_id: bytes
    time: int
    previous_hash: bytes
    commands: tuple[bytes, ...]


def encode_entry(entry: Entry) -> bytes:
    parts = [
        _HEADER.pack(
            _MAGIC,
            _VERSION,
            0,
            entry.generation,
            entry.epoch,
            entry.n,
            entry.batch_id,
            entry.time,
            entry.previous_hash,
            len(entry.commands),
        )
    ]
    for command in entry.commands:
        parts.append(_LENGTH.pack(len(command)))
        parts.append(command)
    return b"".join(parts)


def decode_entry(data: bytes) -> Entry:
    """Raises DecodingError. The commands are not decoded."""
    if not HEADER_BYTES <= len(data) <= MAX_ENTRY_BYTES:
        raise DecodingError(f"an entry of {len(data)} bytes: expected {HEADER_BYTES} to {MAX_ENTRY_BYTES}")
    magic, version, reserved, generation, epoch, n, batch_id, time, previous, count = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or reserved != 0:
        raise DecodingError(f"an entry starts with {data[:4]!r}: expected {_MAGIC!r}, version {_VERSION}, 0")
    if count == 0:
        raise DecodingError("an entry without commands")
    commands = []
    position = HEADER_BYTES
    for _ in range(count):
        if position + COMMAND_OVERHEAD_BYTES > len(data):
            raise DecodingError(f"the entry ends at byte {len(data)}, before all of its {count} commands")
        start = position + COMMAND_OVERHEAD_BYTES
        position = start + _LENGTH.unpack_from(data, position)[0]
        commands.append(data[start:position])
    if position != len(data):
        raise DecodingError(f"the commands end at byte {position}, the entry at {len(data)}")
    return Entry(generation, epoch, n, batch_id, time, previous, tuple(commands))


def first_hash(cell: str) -> bytes:
    """H(0)."""
    return hashlib.sha256(b"dingli-journal-1:" + cell.encode("ascii")).digest()


def next_hash(previous: bytes, entry_bytes: bytes, results: Sequence[bytes]) -> bytes:
    """H(n) from H(n-1), the bytes of entry n and the encoded results of its commands."""
    digest = hashlib.sha256(previous)
    digest.update(entry_bytes)
    for result in results:
        digest.update(result)
    return digest.digest()
