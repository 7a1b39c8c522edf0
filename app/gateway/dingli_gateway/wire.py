"""Commands, events and frames between a gateway and a core, byte by byte as docs/protocol.md describes them."""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from dingli_gateway.exceptions import WireError

__all__ = ["Ack", "Entry", "Event", "EventType", "FrameType", "Kind", "Status", "Stored", "StoredEvent", "Welcome"]

MAX_FRAME = 16 * 1024 * 1024
MAX_NUMBER = (1 << 63) - 1


class Kind(IntEnum):
    """Commands of a session (section 4)."""

    LOGON = 0x10
    LOGOUT = 0x11
    HEARTBEAT = 0x12
    TEST_REQUEST = 0x13
    RESEND_REQUEST = 0x14
    SEQUENCE_RESET = 0x15
    REJECT = 0x16
    NEW_ORDER_SINGLE = 0x17
    ORDER_CANCEL_REQUEST = 0x18
    ORDER_MASS_STATUS_REQUEST = 0x19
    INVALID = 0x1A
    UNSUPPORTED = 0x1B
    HEARTBEAT_DUE = 0x20
    TEST_REQUEST_DUE = 0x21
    LOGOUT_DUE = 0x22
    DISCONNECTED = 0x23


class Status(IntEnum):
    """What became of a command (section 5)."""

    EXECUTED = 0
    DUPLICATE = 1
    STALE = 2
    GAP = 3
    REFUSED = 4
    TOO_LOW = 5


class EventType(IntEnum):
    """Events (section 5.1)."""

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


class FrameType(IntEnum):
    """Frames (section 10)."""

    HELLO = 0x01
    SUBMIT = 0x02
    FETCH = 0x03
    PING = 0x04
    WELCOME = 0x81
    ENTRY = 0x82
    STORED = 0x83
    NOT_LEADER = 0x84
    REFUSED = 0x85
    PONG = 0x86


class Event(NamedTuple):
    """The head of an event; its fields start at `at` in `raw`."""

    type: int
    session: bytes
    connection: int
    out_seq: int
    raw: bytes
    at: int


class StoredEvent(NamedTuple):
    """An event with the number and time of its entry."""

    n: int
    time_ns: int
    event: Event


class Ack(NamedTuple):
    """What became of one submitted command."""

    kind: int
    session: bytes
    connection: int
    in_seq: int
    status: int
    next_in: int
    next_out: int


class Welcome(NamedTuple):
    """The leader accepts the link."""

    generation: int
    epoch: int
    head: int
    core: bytes


class Entry(NamedTuple):
    """One committed entry, as far as it concerns this gateway."""

    generation: int
    epoch: int
    n: int
    time_ns: int
    acks: list[Ack]
    events: list[Event]


class Stored(NamedTuple):
    """Stored events: the answer to a Fetch, or (request 0) what a connection missed."""

    request: int
    session: bytes
    events: list[StoredEvent]


def string(value: bytes) -> bytes:
    """A `str`; the caller has checked its length."""
    return bytes((len(value),)) + value


def take_string(raw: bytes, at: int) -> tuple[bytes, int]:
    """The `str` at this place and the place after it."""
    start = at + 1
    end = start + raw[at]
    return raw[start:end], end


_COMMAND = struct.Struct(">BQ")
_SESSION = struct.Struct(">QQB")
_ACK_TAIL = struct.Struct(">QQBQQ")
_WELCOME = struct.Struct(">IQQ")
_ENTRY = struct.Struct(">IQQQI")
_STORED_ITEM = struct.Struct(">QQH")
_EVENT_NUMBERS = struct.Struct(">QQ")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_FRAME = struct.Struct(">IB")


def command(kind: int, ingress_ns: int, session: bytes, connection: int, in_seq: int, flags: int, body: bytes) -> bytes:
    """One command of a session."""
    return b"".join((_COMMAND.pack(kind, ingress_ns), string(session), _SESSION.pack(connection, in_seq, flags), body))


def frame(kind: int, body: bytes) -> bytes:
    """A frame with its length."""
    return _FRAME.pack(len(body) + 1, kind) + body


def hello(gateway: bytes, connections: Iterable[tuple[bytes, int, int]]) -> bytes:
    """The first frame: (session, connection, last_out) of each live connection."""
    items = [string(session) + _EVENT_NUMBERS.pack(number, last_out) for session, number, last_out in connections]
    return frame(FrameType.HELLO, b"\x01" + string(gateway) + _U16.pack(len(items)) + b"".join(items))


def fetch(request: int, session: bytes, begin: int, end: int) -> bytes:
    """Ask for stored events begin to end."""
    return frame(FrameType.FETCH, _U32.pack(request) + string(session) + _EVENT_NUMBERS.pack(begin, end))


def decode_event(raw: bytes) -> Event:
    """The head of an event."""
    session, at = take_string(raw, 1)
    connection, out_seq = _EVENT_NUMBERS.unpack_from(raw, at)
    return Event(raw[0], session, connection, out_seq, raw, at + 16)


def resend_event(session: bytes, connection: int, begin: int, end: int) -> Event:
    """A Resend of the gateway's own."""
    return Event(EventType.RESEND, session, connection, 0, _EVENT_NUMBERS.pack(begin, end), 0)


def decode_welcome(body: bytes) -> Welcome:
    """A Welcome frame's body."""
    core, at = take_string(body, _WELCOME.size)
    _expect_end(body, at)
    generation, epoch, head = _WELCOME.unpack_from(body, 0)
    return Welcome(generation, epoch, head, core)


def decode_entry(body: bytes) -> Entry:
    """An Entry frame's body."""
    generation, epoch, n, time_ns, count = _ENTRY.unpack_from(body, 0)
    at = _ENTRY.size
    acks = []
    for _ in range(count):
        kind = body[at]
        session, at = take_string(body, at + 1)
        connection, in_seq, status, next_in, next_out = _ACK_TAIL.unpack_from(body, at)
        at += _ACK_TAIL.size
        acks.append(Ack(kind, session, connection, in_seq, status, next_in, next_out))
    (count,) = _U32.unpack_from(body, at)
    at += 4
    events = []
    for _ in range(count):
        start = at + 2
        at = start + _U16.unpack_from(body, at)[0]
        events.append(decode_event(body[start:at]))
    _expect_end(body, at)
    return Entry(generation, epoch, n, time_ns, acks, events)


def decode_stored(body: bytes) -> Stored:
    """A Stored frame's body."""
    (request,) = _U32.unpack_from(body, 0)
    session, at = take_string(body, 4)
    (count,) = _U32.unpack_from(body, at)
    at += 4
    events = []
    for _ in range(count):
        n, time_ns, length = _STORED_ITEM.unpack_from(body, at)
        start = at + _STORED_ITEM.size
        at = start + length
        events.append(StoredEvent(n, time_ns, decode_event(body[start:at])))
    _expect_end(body, at)
    return Stored(request, session, events)


def _expect_end(body: bytes, at: int) -> None:
    if at != len(body):
        raise WireError(f"found {len(body)} bytes in a frame, its fields end at {at}: do core and gateway match?")


class FrameReader:
    """Cuts the core's byte stream into (type, body)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """All whole frames so far; raises WireError where a length cannot be."""
        buffer = self._buffer + data
        frames = []
        at = 0
        while len(buffer) - at >= 5:
            length, kind = _FRAME.unpack_from(buffer, at)
            if not 1 <= length <= MAX_FRAME:
                raise WireError(f"found a frame of {length} bytes, expected 1 to {MAX_FRAME}")
            if len(buffer) - at - 4 < length:
                break
            frames.append((kind, buffer[at + 5 : at + 4 + length]))
            at += 4 + length
        self._buffer = buffer[at:]
        return frames
