"""Frames between core and gateway (docs/protocol.md, section 10)."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dingli_core.commands import SessionCommand, decode_command
from dingli_core.exceptions import DecodingError
from dingli_core.state import Stored
from dingli_core.wire import Reader, pack_str, session_name

__all__ = ["MAX_FRAME_BYTES", "Ack", "Fetch", "Hello", "LiveConnection", "decode_fetch", "decode_hello", "entry_frame"]

HELLO, SUBMIT, FETCH, PING = 0x01, 0x02, 0x03, 0x04
WELCOME, ENTRY, STORED, NOT_LEADER, REFUSED, PONG = range(0x81, 0x87)
PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 16 * 1024 * 1024
STORED_CHUNK_BYTES = 1024 * 1024
NAME_LIMIT = 64

_LENGTH_TYPE = struct.Struct(">IB").pack
_WELCOME = struct.Struct(">IQQ").pack
_ENTRY = struct.Struct(">IQQQ").pack
_ACK_TAIL = struct.Struct(">QQBQQ").pack
_STORED = struct.Struct(">QQH").pack
_U16 = struct.Struct(">H").pack
_U32 = struct.Struct(">I").pack


class LiveConnection(NamedTuple):
    """`last_out` is the highest number that was given to the member's socket."""

    session: str
    connection: int
    last_out: int


class Hello(NamedTuple):
    gateway: str
    connections: tuple[LiveConnection, ...]


class Fetch(NamedTuple):
    request: int
    session: str
    begin: int
    end: int


class Ack(NamedTuple):
    kind: int
    session: str
    connection: int
    in_seq: int
    status: int
    next_in: int
    next_out: int


def frame(kind: int, body: bytes = b"") -> bytes:
    return _LENGTH_TYPE(len(body) + 1, kind) + body


def decode_hello(body: bytes) -> Hello:
    """Raises DecodingError."""
    reader = Reader(body)
    version = reader.u8()
    if version != PROTOCOL_VERSION:
        raise DecodingError(f"Hello of version {version}: expected {PROTOCOL_VERSION}")
    gateway = reader.text(NAME_LIMIT)
    connections = tuple(
        LiveConnection(session_name(reader.text(NAME_LIMIT)), reader.u64(), reader.u64()) for _ in range(reader.u16())
    )
    reader.finish()
    return Hello(gateway, connections)


def decode_fetch(body: bytes) -> Fetch:
    """Raises DecodingError."""
    reader = Reader(body)
    fetch = Fetch(reader.u32(), session_name(reader.text(NAME_LIMIT)), reader.u64(), reader.u64())
    reader.finish()
    if fetch.request == 0:
        raise DecodingError("Fetch with request 0: expected at least 1")
    return fetch


def decode_ping(body: bytes) -> int:
    """The token. Raises DecodingError."""
    reader = Reader(body)
    token = reader.u64()
    reader.finish()
    return token


def check_frame(kind: int, body: bytes) -> None:
    """Raises DecodingError for what no gateway may send, whenever it comes."""
    decoders: dict[int, Callable[[bytes], object]] = {
        HELLO: decode_hello, SUBMIT: decode_submit, FETCH: decode_fetch, PING: decode_ping
    }  # fmt: skip
    if kind not in decoders:
        raise DecodingError(f"frame kind {kind:#x} is unknown")
    decoders[kind](body)


def decode_submit(body: bytes) -> SessionCommand:
    """Raises DecodingError, also for commands of the core."""
    command = decode_command(body)
    if not isinstance(command, SessionCommand):
        raise DecodingError(f"command kind {command.kind:#x} is the core's own")
    return command


def welcome_frame(generation: int, epoch: int, head: int, core: str) -> bytes:
    return frame(WELCOME, _WELCOME(generation, epoch, head) + pack_str(core))


def entry_frame(generation: int, epoch: int, n: int, time: int, acks: Sequence[Ack], events: Sequence[bytes]) -> bytes:
    parts = [_ENTRY(generation, epoch, n, time), _U32(len(acks))]
    for ack in acks:
        parts += (bytes((ack.kind,)), pack_str(ack.session), _ACK_TAIL(*ack[2:]))
    parts.append(_U32(len(events)))
    for event in events:
        parts += (_U16(len(event)), event)
    return frame(ENTRY, b"".join(parts))


def stored_frames(request: int, session: str, stored: Iterable[Stored]) -> list[bytes]:
    """The frames that hold them, each of at most 1 MiB; none for none."""
    frames: list[bytes] = []
    parts: list[bytes] = []
    count = size = 0
    for item in stored:
        if size + len(item.event) > STORED_CHUNK_BYTES:
            frames.append(_stored_frame(request, session, count, parts))
            parts, count, size = [], 0, 0
        parts += (_STORED(item.n, item.time, len(item.event)), item.event)
        count += 1
        size += len(item.event) + 18
    if count:
        frames.append(_stored_frame(request, session, count, parts))
    return frames


def empty_stored_frame(request: int, session: str) -> bytes:
    return _stored_frame(request, session, 0, [])


def pong_frame(token: int) -> bytes:
    return frame(PONG, token.to_bytes(8))


def not_leader_frame(address: str) -> bytes:
    return frame(NOT_LEADER, pack_str(address))


def refused_frame(text: str) -> bytes:
    return frame(REFUSED, pack_str(text[:255].encode("ascii", "replace").decode("ascii")))


def _stored_frame(request: int, session: str, count: int, parts: list[bytes]) -> bytes:
    return frame(STORED, _U32(request) + pack_str(session) + _U32(count) + b"".join(parts))
