"""Frames between core and gateway (section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple, TypeVar

from dingli_minicore.codec import CORE_KINDS, Command, decode_command, pack_str, take_session, take_str
from dingli_minicore.exceptions import MalformedError
from dingli_minicore.machine import Outcome

__all__ = [
    "Fetch",
    "Hello",
    "Ping",
    "Submit",
    "entry_frame",
    "frames_in",
    "not_leader",
    "parse",
    "pong",
    "refused",
    "stored_frames",
    "welcome",
]

_MAX_FRAME = 16 * 1024 * 1024
_STORED_FRAME = 1024 * 1024
_LENGTH = Struct(">I")
_U16 = Struct(">H")
_U64 = Struct(">Q")
_ENTRY = Struct(">IQQQI")
_ACK = Struct(">QQBQQ")
_STORED = Struct(">QQH")
_WELCOME = Struct(">IQQ")


class Hello(NamedTuple):
    """A gateway begins; per live connection: session, connection, the last number given to the member's socket."""

    gateway: str
    connections: tuple[tuple[str, int, int], ...]


class Submit(NamedTuple):
    """A command and its bytes."""

    data: bytes
    command: Command


class Fetch(NamedTuple):
    """A gateway asks for stored messages."""

    request: int
    session: str
    begin: int
    end: int


class Ping(NamedTuple):
    """Answered with the same token."""

    token: int


Frame = Hello | Submit | Fetch | Ping
_F = TypeVar("_F", Hello, Fetch, Ping)


def frames_in(buffer: bytearray) -> Iterator[bytes]:
    """Take the whole frames (type and body) out of what was received."""
    at = 0
    try:
        while len(buffer) - at >= 4:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if not 1 <= length <= _MAX_FRAME:
                raise MalformedError(f"frame of {length} bytes; 1 to {_MAX_FRAME} are allowed")
            if len(buffer) - at - 4 < length:
                return
            frame = bytes(buffer[at + 4 : at + 4 + length])
            at += 4 + length
            yield frame
    finally:
        del buffer[:at]


def _hello(data: bytes) -> Hello:
    if data[1] != 1:
        raise MalformedError(f"Hello of version {data[1]}; this core speaks version 1")
    gateway, at = take_str(data, 2, 64)
    (count,) = _U16.unpack_from(data, at)
    at += 2
    connections = []
    for _ in range(count):
        session, at = take_session(data, at)
        connections.append((session, _U64.unpack_from(data, at)[0], _U64.unpack_from(data, at + 8)[0]))
        at += 16
    return _whole(Hello(gateway, tuple(connections)), data, at)


def _submit(data: bytes) -> Submit:
    command: Command = decode_command(data[1:])
    if command.kind in CORE_KINDS:
        raise MalformedError(f"command of kind {command.kind:#x} from a gateway; only cores make those")
    return Submit(data[1:], command)


def _fetch(data: bytes) -> Fetch:
    (request,) = _LENGTH.unpack_from(data, 1)
    session, at = take_session(data, 5)
    begin, end = _U64.unpack_from(data, at)[0], _U64.unpack_from(data, at + 8)[0]
    if request == 0:
        raise MalformedError("Fetch of request 0")
    return _whole(Fetch(request, session, begin, end), data, at + 16)


def _ping(data: bytes) -> Ping:
    return _whole(Ping(_U64.unpack_from(data, 1)[0]), data, 9)


def _whole(frame: _F, data: bytes, at: int) -> _F:
    if at != len(data):
        raise MalformedError(f"{len(data) - at} bytes behind a frame of type {data[0]:#x}")
    return frame


_PARSERS: dict[int, Callable[[bytes], Frame]] = {0x01: _hello, 0x02: _submit, 0x03: _fetch, 0x04: _ping}


def parse(data: bytes) -> Frame:
    """A gateway's frame; MalformedError if there is no such."""
    parser = _PARSERS.get(data[0])
    if parser is None:
        raise MalformedError(f"unknown type of frame {data[0]:#x}")
    try:
        return parser(data)
    except (IndexError, struct_error, UnicodeDecodeError) as error:
        raise MalformedError(f"frame of type {data[0]:#x} with {len(data)} bytes ends too early") from error


def _frame(type_: int, body: bytes) -> bytes:
    return _LENGTH.pack(len(body) + 1) + bytes((type_,)) + body


def welcome(generation: int, epoch: int, head: int, core_id: str) -> bytes:
    """The answer of a leader to Hello."""
    return _frame(0x81, _WELCOME.pack(generation, epoch, head) + pack_str(core_id))


def not_leader(address: str) -> bytes:
    """The answer of any other core."""
    return _frame(0x84, pack_str(address))


def refused(text: str) -> bytes:
    """The answer to what may not be sent."""
    return _frame(0x85, pack_str(text.encode("ascii", "replace").decode()[:96]))


def pong(token: int) -> bytes:
    """The answer to Ping."""
    return _frame(0x86, _U64.pack(token))


def entry_frame(outcome: Outcome, mine: Iterable[int], connections: set[int]) -> bytes:
    """An entry as a link sees it: acks of its commands (`mine`, indices), and the events of its connections."""
    entry = outcome.entry
    acks = []
    for at in mine:
        command = entry.commands[at]
        numbers = _ACK.pack(command.connection, command.in_seq, *outcome.acks[at])
        acks.append(bytes((command.kind,)) + pack_str(command.session) + numbers)
    events = [_U16.pack(len(data)) + data for connection, data in outcome.events if connection in connections]
    head = _ENTRY.pack(entry.generation, entry.epoch, entry.n, entry.time, len(acks))
    return _frame(0x82, head + b"".join(acks) + _LENGTH.pack(len(events)) + b"".join(events))


def stored_frames(request: int, session: str, messages: list[tuple[int, int, bytes]], empty: bool) -> Iterator[bytes]:
    """Stored messages in frames of about 1 MiB; `empty`: an empty one ends them."""
    head = _LENGTH.pack(request) + pack_str(session)
    pieces: list[bytes] = []
    size = 0
    for n, time, event in messages:
        if size > _STORED_FRAME - 2048:
            yield _frame(0x83, head + _LENGTH.pack(len(pieces)) + b"".join(pieces))
            pieces, size = [], 0
        pieces.append(_STORED.pack(n, time, len(event)) + event)
        size += len(pieces[-1])
    if pieces:
        yield _frame(0x83, head + _LENGTH.pack(len(pieces)) + b"".join(pieces))
    if empty:
        yield _frame(0x83, head + _LENGTH.pack(0))
