"""Commands: what an entry holds. Plain tuples, their encoder and their decoder (docs/protocol.md, section 4)."""

import struct
from collections.abc import Callable
from typing import NamedTuple

from dingli_core.exceptions import DecodingError
from dingli_core.wire import U16, U32, U64, Reader, pack_char, pack_str, session_name

__all__ = [
    "POSS_DUP",
    "POSS_RESEND",
    "Command",
    "Configure",
    "EpochStart",
    "Instrument",
    "NewOrder",
    "SessionCommand",
    "Tick",
    "decode_command",
    "encode_command",
]

EPOCH_START, TICK, CONFIGURE = 0x01, 0x02, 0x03
LOGON, LOGOUT, HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, SEQUENCE_RESET, REJECT = range(0x10, 0x17)
NEW_ORDER, CANCEL, MASS_STATUS, INVALID, UNSUPPORTED = range(0x17, 0x1C)
HEARTBEAT_DUE, TEST_REQUEST_DUE, LOGOUT_DUE, DISCONNECTED = range(0x20, 0x24)

POSS_DUP = 1
POSS_RESEND = 2

ID_LIMIT = 32
SYMBOL_LIMIT = 16
ACCOUNT_LIMIT = 16
TEXT_LIMIT = 96
MSG_TYPE_LIMIT = 4
CORE_ID_LIMIT = 64

_HEAD = struct.Struct(">BQ")
_AFTER_SESSION = struct.Struct(">QQB")
_ORDER_TAIL = struct.Struct(">cccQQ")


class EpochStart(NamedTuple):
    kind: int
    ingress: int
    core: str


class Tick(NamedTuple):
    kind: int
    ingress: int


class Instrument(NamedTuple):
    """Prices in 1/10,000 of the currency unit."""

    symbol: str
    tick: int
    max_quantity: int
    min_price: int
    max_price: int


class Configure(NamedTuple):
    kind: int
    ingress: int
    revision: int
    max_age_ms: int
    instruments: tuple[Instrument, ...]


class NewOrder(NamedTuple):
    cl_ord_id: str
    account: str
    symbol: str
    side: str
    ord_type: str
    tif: str
    price: int
    quantity: int


class Cancel(NamedTuple):
    cl_ord_id: str
    orig_cl_ord_id: str
    symbol: str
    side: str


class Logon(NamedTuple):
    heartbeat_s: int
    reset: int


class ResendRequest(NamedTuple):
    begin: int
    end: int


class SequenceReset(NamedTuple):
    gap_fill: int
    new_seq: int


class Invalid(NamedTuple):
    ref_msg_type: str
    ref_tag: int
    reason: int
    text: str


class Unsupported(NamedTuple):
    ref_msg_type: str
    ref_id: str
    reason: int
    text: str


class Text(NamedTuple):
    """The one string of Logout, TestRequest, OrderMassStatusRequest, TestRequestDue and LogoutDue."""

    text: str


Body = NewOrder | Cancel | Logon | ResendRequest | SequenceReset | Invalid | Unsupported | Text | None


class SessionCommand(NamedTuple):
    kind: int
    ingress: int
    session: str
    connection: int
    in_seq: int
    flags: int
    body: Body


Command = SessionCommand | EpochStart | Tick | Configure


def _read_order(reader: Reader) -> NewOrder:
    return NewOrder(
        reader.text(ID_LIMIT),
        reader.text(ACCOUNT_LIMIT),
        reader.text(SYMBOL_LIMIT),
        reader.char(),
        reader.char(),
        reader.char(),
        reader.u64(),
        reader.u64(),
    )


def _read_cancel(reader: Reader) -> Cancel:
    return Cancel(reader.text(ID_LIMIT), reader.text(ID_LIMIT), reader.text(SYMBOL_LIMIT), reader.char())


_READERS: dict[int, Callable[[Reader], Body]] = {
    LOGON: lambda reader: Logon(reader.u16(), reader.flag()),
    LOGOUT: lambda reader: Text(reader.text(TEXT_LIMIT)),
    HEARTBEAT: lambda _: None,
    TEST_REQUEST: lambda reader: Text(reader.text(ID_LIMIT)),
    RESEND_REQUEST: lambda reader: ResendRequest(reader.u64(), reader.u64()),
    SEQUENCE_RESET: lambda reader: SequenceReset(reader.flag(), reader.u64()),
    REJECT: lambda _: None,
    NEW_ORDER: _read_order,
    CANCEL: _read_cancel,
    MASS_STATUS: lambda reader: Text(reader.text(ID_LIMIT)),
    INVALID: lambda reader: Invalid(reader.text(MSG_TYPE_LIMIT), reader.u32(), reader.u16(), reader.text(TEXT_LIMIT)),
    UNSUPPORTED: lambda reader: Unsupported(
        reader.text(MSG_TYPE_LIMIT), reader.text(ID_LIMIT), reader.u16(), reader.text(TEXT_LIMIT)
    ),
    HEARTBEAT_DUE: lambda _: None,
    TEST_REQUEST_DUE: lambda reader: Text(reader.text(ID_LIMIT)),
    LOGOUT_DUE: lambda reader: Text(reader.text(TEXT_LIMIT)),
    DISCONNECTED: lambda _: None,
}


def decode_command(data: bytes) -> Command:
    """Raises DecodingError."""
    reader = Reader(data)
    kind = reader.u8()
    ingress = reader.u64()
    read_body = _READERS.get(kind)
    command: Command
    if read_body is None:
        command = _decode_core_command(kind, ingress, reader)
    else:
        session = session_name(reader.text(ID_LIMIT))
        connection = reader.u64()
        in_seq = reader.u64()
        flags = reader.u8()
        if flags & ~(POSS_DUP | POSS_RESEND):
            raise DecodingError(f"flags {flags:#x}: expected bits 0 and 1 only")
        command = SessionCommand(kind, ingress, session, connection, in_seq, flags, read_body(reader))
    reader.finish()
    return command


def _decode_core_command(kind: int, ingress: int, reader: Reader) -> Command:
    if kind == TICK:
        return Tick(kind, ingress)
    if kind == EPOCH_START:
        return EpochStart(kind, ingress, reader.text(CORE_ID_LIMIT))
    if kind == CONFIGURE:
        revision, max_age_ms, count = reader.u32(), reader.u32(), reader.u16()
        instruments = tuple(
            Instrument(reader.text(SYMBOL_LIMIT), reader.u64(), reader.u64(), reader.u64(), reader.u64())
            for _ in range(count)
        )
        return Configure(kind, ingress, revision, max_age_ms, instruments)
    raise DecodingError(f"command kind {kind:#x} is unknown")


def encode_command(command: Command) -> bytes:
    head = _HEAD.pack(command.kind, command.ingress)
    if isinstance(command, SessionCommand):
        after = _AFTER_SESSION.pack(command.connection, command.in_seq, command.flags)
        return head + pack_str(command.session) + after + _encode_body(command.body)
    if isinstance(command, EpochStart):
        return head + pack_str(command.core)
    if isinstance(command, Tick):
        return head
    parts = [head, U32.pack(command.revision), U32.pack(command.max_age_ms), U16.pack(len(command.instruments))]
    for symbol, *limits in command.instruments:
        parts += [pack_str(symbol), *(U64.pack(limit) for limit in limits)]
    return b"".join(parts)


def _encode_body(body: Body) -> bytes:
    match body:
        case None:
            return b""
        case Text(text):
            return pack_str(text)
        case NewOrder(cl_ord_id, account, symbol, side, ord_type, tif, price, quantity):
            chars = side.encode("ascii"), ord_type.encode("ascii"), tif.encode("ascii")
            strings = pack_str(cl_ord_id) + pack_str(account) + pack_str(symbol)
            return strings + _ORDER_TAIL.pack(*chars, price, quantity)
        case Cancel(cl_ord_id, orig_cl_ord_id, symbol, side):
            return pack_str(cl_ord_id) + pack_str(orig_cl_ord_id) + pack_str(symbol) + pack_char(side)
        case Logon(heartbeat_s, reset):
            return U16.pack(heartbeat_s) + bytes((reset,))
        case ResendRequest(begin, end):
            return U64.pack(begin) + U64.pack(end)
        case SequenceReset(gap_fill, new_seq):
            return bytes((gap_fill,)) + U64.pack(new_seq)
        case Invalid(ref_msg_type, ref_tag, reason, text):
            return pack_str(ref_msg_type) + U32.pack(ref_tag) + U16.pack(reason) + pack_str(text)
        case Unsupported(ref_msg_type, ref_id, reason, text):
            return pack_str(ref_msg_type) + pack_str(ref_id) + U16.pack(reason) + pack_str(text)
