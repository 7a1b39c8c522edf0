"""Bytes of commands, events, results and entries. Everything else works on the tuples made here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import IntEnum
from struct import Struct
from struct import error as struct_error
from typing import Any, NamedTuple

from dingli_minicore.exceptions import MalformedError

__all__ = [
    "CORE_KINDS",
    "HEADER_SIZE",
    "MAX_ENTRY",
    "Command",
    "Entry",
    "Event",
    "EventType",
    "Instrument",
    "Kind",
    "decode_command",
    "decode_entry",
    "encode_command",
    "encode_entry",
    "encode_event",
    "encode_result",
    "pack_str",
    "take_session",
    "take_str",
]

MAX_ENTRY = 262_144
HEADER_SIZE = 84
_HEADER = Struct(">2sBBIQQ16sQ32sI")
_START = Struct(">BQ")
_ADDRESS = Struct(">QQB")
_U8 = Struct(">B")
_U16 = Struct(">H")
_U64_PAIR = Struct(">QQ")
_CONFIGURE = Struct(">IIH")
_INSTRUMENT = Struct(">QQQQ")
_RESULT = Struct(">BQQI")
_SESSION_NAME = re.compile(r"[A-Za-z0-9_-]{1,16}")


class Kind(IntEnum):
    """Kinds of commands."""

    EPOCH_START = 0x01
    TICK = 0x02
    CONFIGURE = 0x03
    LOGON = 0x10
    LOGOUT = 0x11
    HEARTBEAT = 0x12
    TEST_REQUEST = 0x13
    RESEND_REQUEST = 0x14
    SEQUENCE_RESET = 0x15
    REJECT = 0x16
    NEW_ORDER = 0x17
    CANCEL = 0x18
    MASS_STATUS = 0x19
    INVALID = 0x1A
    UNSUPPORTED = 0x1B
    HEARTBEAT_DUE = 0x20
    TEST_REQUEST_DUE = 0x21
    LOGOUT_DUE = 0x22
    DISCONNECTED = 0x23


class EventType(IntEnum):
    """Types of events."""

    LOGON = 0x81
    LOGOUT = 0x82
    HEARTBEAT = 0x83
    TEST_REQUEST = 0x84
    RESEND_REQUEST = 0x85
    REJECT = 0x87
    BUSINESS_REJECT = 0x88
    EXECUTION_REPORT = 0x90
    CANCEL_REJECT = 0x91
    RESEND = 0xA0
    DISCONNECT = 0xA1


CORE_KINDS = frozenset({Kind.EPOCH_START, Kind.TICK, Kind.CONFIGURE})


class Instrument(NamedTuple):
    """What may be traded; prices in 1/10,000."""

    symbol: str
    tick: int
    max_quantity: int
    min_price: int
    max_price: int


class Command(NamedTuple):
    """A decoded command. `body` holds the fields of its kind in the protocol's order; core kinds have no address."""

    kind: int
    ingress: int
    session: str
    connection: int
    in_seq: int
    flags: int
    body: tuple[Any, ...]


class Entry(NamedTuple):
    """A decoded entry of the journal."""

    generation: int
    epoch: int
    n: int
    batch: bytes
    time: int
    previous: bytes
    commands: tuple[Command, ...]


Event = tuple[Any, ...]
"""(type, session, connection, out_seq, then the fields of its type in the protocol's order)."""

_Part = int | tuple[Struct, str]


def _layout(text: str) -> tuple[_Part, ...]:
    """`s16` is a string of at most 16 bytes; other words are struct letters, `c` a character and `?` a 0/1 byte."""
    parts: list[_Part] = []
    for word in text.split():
        if word[0] == "s":
            parts.append(int(word[1:]))
        else:
            parts.append((Struct(">" + word.replace("c", "B").replace("?", "B")), word))
    return tuple(parts)


_COMMANDS: dict[int, tuple[_Part, ...]] = {
    Kind.LOGON: _layout("H?"),
    Kind.LOGOUT: _layout("s96"),
    Kind.HEARTBEAT: (),
    Kind.TEST_REQUEST: _layout("s32"),
    Kind.RESEND_REQUEST: _layout("QQ"),
    Kind.SEQUENCE_RESET: _layout("?Q"),
    Kind.REJECT: (),
    Kind.NEW_ORDER: _layout("s32 s16 s16 cccQQ"),
    Kind.CANCEL: _layout("s32 s32 s16 c"),
    Kind.MASS_STATUS: _layout("s32"),
    Kind.INVALID: _layout("s4 IH s96"),
    Kind.UNSUPPORTED: _layout("s4 s32 H s96"),
    Kind.HEARTBEAT_DUE: (),
    Kind.TEST_REQUEST_DUE: _layout("s32"),
    Kind.LOGOUT_DUE: _layout("s96"),
    Kind.DISCONNECTED: (),
}

_EVENTS: dict[int, tuple[_Part, ...]] = {
    EventType.LOGON: _layout("H?"),
    EventType.LOGOUT: _layout("s96"),
    EventType.HEARTBEAT: _layout("s32"),
    EventType.TEST_REQUEST: _layout("s32"),
    EventType.RESEND_REQUEST: _layout("QQ"),
    EventType.REJECT: _layout("Q s4 IH s96"),
    EventType.BUSINESS_REJECT: _layout("Q s4 s32 H s96"),
    EventType.EXECUTION_REPORT: _layout("s96 s96 s32 s32 ccH s16 cccQQQQQQQ s96 s16 s32 IB s96"),
    EventType.CANCEL_REJECT: _layout("s96 s32 s32 cH s96"),
    EventType.RESEND: _layout("QQ"),
    EventType.DISCONNECT: _layout("s96"),
}


def take_str(data: bytes, at: int, limit: int) -> tuple[str, int]:
    """The string at `at` and the offset behind it."""
    end = at + 1 + data[at]
    if data[at] > limit:
        raise MalformedError(f"string of {data[at]} bytes at offset {at}; at most {limit} are allowed")
    if end > len(data):
        raise MalformedError(f"string at offset {at} goes beyond the end")
    text = data[at + 1 : end].decode("ascii")
    if not text.isprintable():
        raise MalformedError(f"string at offset {at} holds a character outside 0x20-0x7E")
    return text, end


def pack_str(text: str) -> bytes:
    """A string's bytes, its length before it."""
    return bytes((len(text),)) + text.encode("ascii")


def take_session(data: bytes, at: int) -> tuple[str, int]:
    """The session's name at `at` and the offset behind it."""
    name, at = take_str(data, at, 16)
    if not _SESSION_NAME.fullmatch(name):
        raise MalformedError(f"session name {name!r}; expected 1 to 16 of [A-Za-z0-9_-]")
    return name, at


def _decode_fields(layout: tuple[_Part, ...], data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    values: list[Any] = []
    for part in layout:
        if isinstance(part, int):
            text, at = take_str(data, at, part)
            values.append(text)
            continue
        struct, letters = part
        for letter, value in zip(letters, struct.unpack_from(data, at), strict=True):
            if letter == "c":
                if not 0x20 <= value <= 0x7E:
                    raise MalformedError(f"character {value:#x} at offset {at}; expected 0x20-0x7E")
                values.append(chr(value))
            elif letter == "?" and value > 1:
                raise MalformedError(f"0/1 field of value {value} at offset {at}")
            else:
                values.append(value)
        at += struct.size
    return tuple(values), at


def _encode_fields(layout: tuple[_Part, ...], values: Sequence[Any], first: int = 0) -> list[bytes]:
    pieces: list[bytes] = []
    at = first
    for part in layout:
        if isinstance(part, int):
            pieces.append(pack_str(values[at]))
            at += 1
            continue
        struct, letters = part
        numbers = values[at : at + len(letters)]
        at += len(letters)
        if "c" in letters:
            numbers = [ord(value) if letter == "c" else value for letter, value in zip(letters, numbers, strict=True)]
        pieces.append(struct.pack(*numbers))
    return pieces


def _decode_configure(data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    revision, max_age_ms, count = _CONFIGURE.unpack_from(data, at)
    at += _CONFIGURE.size
    instruments: list[Instrument] = []
    for _ in range(count):
        symbol, at = take_str(data, at, 16)
        instruments.append(Instrument(symbol, *_INSTRUMENT.unpack_from(data, at)))
        at += _INSTRUMENT.size
    return (revision, max_age_ms, tuple(instruments)), at


def _decode_core(kind: int, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    if kind == Kind.TICK:
        return (), at
    if kind == Kind.CONFIGURE:
        return _decode_configure(data, at)
    core, at = take_str(data, at, 64)
    if not core:
        raise MalformedError("empty core id")
    return (core,), at


def _guarded(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """What Python raises at a short or non-ASCII input is a decoding error like any other."""

    def guarded(data: bytes) -> Any:
        try:
            return decode(data)
        except (IndexError, struct_error, UnicodeDecodeError) as error:
            raise MalformedError(f"{len(data)} bytes end too early or are not ASCII: {error}") from error

    return guarded


def _decode_command(data: bytes) -> Command:
    kind, ingress = _START.unpack_from(data)
    at = _START.size
    if kind in CORE_KINDS:
        body, at = _decode_core(kind, data, at)
        command = Command(kind, ingress, "", 0, 0, 0, body)
    else:
        layout = _COMMANDS.get(kind)
        if layout is None:
            raise MalformedError(f"unknown kind of command {kind:#x}")
        session, at = take_session(data, at)
        connection, in_seq, flags = _ADDRESS.unpack_from(data, at)
        if flags > 3:
            raise MalformedError(f"reserved bit set in flags {flags:#x}")
        body, at = _decode_fields(layout, data, at + _ADDRESS.size)
        command = Command(kind, ingress, session, connection, in_seq, flags, body)
    if at != len(data):
        raise MalformedError(f"{len(data) - at} bytes behind the end of a command of kind {kind:#x}")
    return command


def encode_command(command: Command) -> bytes:
    """The only bytes that decode to `command`."""
    start = _START.pack(command.kind, command.ingress)
    if command.kind == Kind.TICK:
        return start
    if command.kind == Kind.EPOCH_START:
        return start + pack_str(command.body[0])
    if command.kind == Kind.CONFIGURE:
        revision, max_age_ms, instruments = command.body
        listed = [pack_str(each.symbol) + _INSTRUMENT.pack(*each[1:]) for each in instruments]
        return start + _CONFIGURE.pack(revision, max_age_ms, len(listed)) + b"".join(listed)
    address = pack_str(command.session) + _ADDRESS.pack(command.connection, command.in_seq, command.flags)
    return start + address + b"".join(_encode_fields(_COMMANDS[command.kind], command.body))


def encode_event(event: Event) -> bytes:
    """An event's bytes."""
    head = _U8.pack(event[0]) + pack_str(event[1]) + _U64_PAIR.pack(event[2], event[3])
    return head + b"".join(_encode_fields(_EVENTS[event[0]], event, 4))


def encode_result(status: int, next_in: int, next_out: int, events: Sequence[bytes]) -> bytes:
    """A command's result, as the rolling hash covers it."""
    pieces = [_RESULT.pack(status, next_in, next_out, len(events))]
    for event in events:
        pieces.append(_U16.pack(len(event)))
        pieces.append(event)
    return b"".join(pieces)


def encode_entry(entry: Entry, commands: Sequence[bytes]) -> bytes:
    """The bytes of an entry whose commands are encoded already (`entry.commands` is not looked at)."""
    head = _HEADER.pack(
        b"DJ", 1, 0, entry.generation, entry.epoch, entry.n, entry.batch, entry.time, entry.previous, len(commands)
    )
    return head + b"".join(_U16.pack(len(command)) + command for command in commands)


def _decode_entry(data: bytes) -> Entry:
    if len(data) > MAX_ENTRY:
        raise MalformedError(f"entry of {len(data)} bytes; at most {MAX_ENTRY} are allowed")
    magic, version, reserved, generation, epoch, n, batch, time, previous, count = _HEADER.unpack_from(data)
    if (magic, version, reserved) != (b"DJ", 1, 0) or count == 0:
        raise MalformedError(f"entry starts {data[:4].hex()}, {count} commands; expected 444a0100, at least 1")
    at = HEADER_SIZE
    commands = []
    for _ in range(count):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise MalformedError(f"command at offset {at} goes beyond the end of the entry")
        commands.append(decode_command(data[at + 2 : end]))
        at = end
    if at != len(data):
        raise MalformedError(f"{len(data) - at} bytes behind the last command of the entry")
    return Entry(generation, epoch, n, batch, time, previous, tuple(commands))


decode_command: Callable[[bytes], Command] = _guarded(_decode_command)
"""A command from exactly its bytes; MalformedError otherwise."""
decode_entry: Callable[[bytes], Entry] = _guarded(_decode_entry)
"""An entry from exactly its bytes; MalformedError otherwise."""
