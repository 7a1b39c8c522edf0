"""What a member's message means: a pure function from message and session to commands (docs/protocol.md, 11)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dingli_gateway import values
from dingli_gateway.framing import Message
from dingli_gateway.values import Bad
from dingli_gateway.wire import MAX_NUMBER, Kind, string

__all__ = ["MSG_TYPES", "Draft", "LogonRequest", "Names", "Verdict", "judge", "logon_request", "too_often"]

CLOCK_TOLERANCE_NS = 120 * 1_000_000_000
MAX_HEARTBEAT_S = 300
_ID, _SYMBOL, _ACCOUNT, _TEXT = 32, 16, 16, 96
_SIDES = b"123456789ABCDEFG"
_ORD_TYPES = b"123456789ABCDEFGHIJKLMP"
_TIMES_IN_FORCE = b"01234567"
_PAIR = struct.Struct(">QQ")

# All message types of FIX 4.4.
MSG_TYPES = frozenset(
    b"0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z "
    b"a b c d e f g h i j k l m n o p q r s t u v w x y z "
    b"AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY AZ BA BB BC BD BE BF BG BH".split()
)


class Draft(NamedTuple):
    """A command before it has its session, connection and time."""

    kind: Kind
    in_seq: int
    flags: int
    body: bytes


class Verdict(NamedTuple):
    """Commands to submit, the number expected next, and whether the connection is at its end."""

    drafts: tuple[Draft, ...]
    expected: int
    closing: bool = False


@dataclass(frozen=True)
class Names:
    """Who speaks on this connection."""

    session: bytes
    cell: bytes


@dataclass(frozen=True)
class LogonRequest:
    """A first message that may be a logon, its password not yet verified."""

    session: bytes
    password: bytes
    draft: Draft


def logon_request(message: Message, cell: bytes, now_ns: int) -> LogonRequest | str:
    """The logon in a connection's first message, or why the connection is closed."""
    if message.msg_type != b"A" or message.begin_string != b"FIX.4.4":
        return "first message is not a Logon of FIX.4.4"
    if message.fault is not None:
        return f"tag {message.fault.tag}: {message.fault.text}"
    fields = message.fields
    session = fields.get(b"49", b"")
    if fields.get(b"56") != cell or fields.get(b"553") != session or b"554" not in fields:
        return "TargetCompID, Username or Password wrong or missing"
    try:
        in_seq, heartbeat_s = values.number(message, b"34"), values.number(message, b"108")
        sent_ns = values.sending_time(message, b"52")
    except Bad as bad:
        return f"tag {bad.tag}: {bad.text}"
    reset = fields.get(b"141", b"N")
    if reset not in (b"Y", b"N") or in_seq == 0 or (reset == b"Y" and in_seq != 1):
        return "MsgSeqNum 0, ResetSeqNumFlag not Y or N, or a reset whose MsgSeqNum is not 1"
    if not 1 <= heartbeat_s <= MAX_HEARTBEAT_S or fields.get(b"98") != b"0":
        return f"HeartBtInt outside 1 to {MAX_HEARTBEAT_S}, or EncryptMethod not 0"
    if abs(sent_ns - now_ns) > CLOCK_TOLERANCE_NS:
        return "SendingTime accuracy problem"
    body = heartbeat_s.to_bytes(2) + (b"\x01" if reset == b"Y" else b"\x00")
    return LogonRequest(session, fields[b"554"], Draft(Kind.LOGON, in_seq, _flags(message), body))


def judge(message: Message, names: Names, expected: int, now_ns: int) -> Verdict:
    """What to submit for a message of a session that is logged on."""
    if message.begin_string != b"FIX.4.4":
        return _logout((), "Incorrect BeginString", expected)
    raw_seq = message.fields.get(b"34", b"")
    if not raw_seq.isdigit() or len(raw_seq) > 19 or not 1 <= int(raw_seq) <= MAX_NUMBER:
        return _logout((), "MsgSeqNum missing", expected)
    in_seq = int(raw_seq)
    problem = _names_problem(message, names)
    if problem is None:
        reset = _sequence_reset_without_gap_fill(message, in_seq)
        if reset is not None:
            return Verdict((reset[0],), max(expected, reset[1]))
    if in_seq < expected:
        if message.fields.get(b"43") == b"Y":
            return Verdict((), expected)
        return _logout((), f"MsgSeqNum too low, expecting {expected} but received {in_seq}", expected)
    if problem is not None:
        return _logout((_invalid(message, in_seq, problem),), "CompID problem", expected)
    try:
        _check_header(message, now_ns)
        draft = _command(message, in_seq)
    except _InaccurateError as error:
        return _logout((_invalid(message, in_seq, error),), "SendingTime accuracy problem", expected)
    except Bad as bad:
        draft = _invalid(message, in_seq, bad)
    return Verdict((draft,), _following(draft, expected))


def too_often(draft: Draft) -> Draft:
    """A status request that comes too soon after another: answered by a business reject, with its id."""
    body = string(b"AF") + draft.body + (0).to_bytes(2) + string(b"one mass status a second")
    return Draft(Kind.UNSUPPORTED, draft.in_seq, draft.flags, body)


class _InaccurateError(Bad):
    """SendingTime too far from our clock."""


def _flags(message: Message) -> int:
    return (message.fields.get(b"43") == b"Y") | (message.fields.get(b"97") == b"Y") << 1


def _logout(before: tuple[Draft, ...], text: str, expected: int) -> Verdict:
    return Verdict((*before, Draft(Kind.LOGOUT_DUE, 0, 0, string(text.encode()))), expected, closing=True)


def _names_problem(message: Message, names: Names) -> Bad | None:
    for tag, name in ((b"49", names.session), (b"56", names.cell)):
        if message.fields.get(tag, name) != name:
            return Bad(9, int(tag), "CompID problem")
    return None


def _check_header(message: Message, now_ns: int) -> None:
    if message.fault is not None:
        raise Bad(*message.fault)
    for tag in (b"49", b"56"):
        values.required(message, tag)
    for tag in (b"43", b"97"):
        if message.fields.get(tag, b"N") not in (b"Y", b"N"):
            raise Bad(values.BAD_VALUE, int(tag), "neither Y nor N")
    if message.msg_type not in MSG_TYPES:
        raise Bad(11, 35, "MsgType unknown to FIX 4.4")
    if abs(values.sending_time(message, b"52") - now_ns) > CLOCK_TOLERANCE_NS:
        raise _InaccurateError(10, 52, "SendingTime accuracy problem")
    if message.fields.get(b"43") == b"Y" and message.msg_type != b"4":
        values.sending_time(message, b"122")


def _invalid(message: Message, in_seq: int, bad: Bad) -> Draft:
    ref_type = values.printable(message.msg_type, 4)
    body = string(ref_type) + bad.tag.to_bytes(4) + bad.reason.to_bytes(2) + string(bad.text.encode())
    return Draft(Kind.INVALID, in_seq, _flags(message), body)


def _following(draft: Draft, expected: int) -> int:
    """What the core will expect after this command: it decides the same way."""
    if draft.in_seq != expected:
        return expected
    if draft.kind is Kind.SEQUENCE_RESET:
        return max(expected + 1, int.from_bytes(draft.body[1:9]))
    return expected + 1


def _sequence_reset_without_gap_fill(message: Message, in_seq: int) -> tuple[Draft, int] | None:
    """A reset counts whatever its own number is; None if this is none, or a faulty one."""
    if message.msg_type != b"4" or message.fault is not None or message.fields.get(b"123", b"N") != b"N":
        return None
    try:
        new_seq = values.number(message, b"36")
    except Bad:
        return None
    return Draft(Kind.SEQUENCE_RESET, in_seq, _flags(message), b"\x00" + new_seq.to_bytes(8)), new_seq


def _command(message: Message, in_seq: int) -> Draft:
    maker = _MAKERS.get(message.msg_type)
    if maker is None:
        ref_id = message.fields.get(b"11", b"")
        ref_id = ref_id if len(ref_id) <= _ID and ref_id.isascii() else b""
        body = string(message.msg_type) + string(ref_id) + (3).to_bytes(2) + string(b"message type not supported")
        return Draft(Kind.UNSUPPORTED, in_seq, _flags(message), body)
    kind, body_of = maker
    return Draft(kind, in_seq, _flags(message), body_of(message))


def _nothing(_message: Message) -> bytes:
    return b""


def _second_logon(_message: Message) -> bytes:
    raise Bad(99, 0, "already logged on")


def _logout_text(message: Message) -> bytes:
    return string(values.printable(message.fields.get(b"58", b""), _TEXT))


def _test_request(message: Message) -> bytes:
    return string(values.text(message, b"112", _ID))


def _resend_request(message: Message) -> bytes:
    return _PAIR.pack(values.number(message, b"7"), values.number(message, b"16"))


def _gap_fill(message: Message) -> bytes:
    new_seq = values.number(message, b"36")
    if message.fields.get(b"123", b"N") not in (b"Y", b"N"):
        raise Bad(values.BAD_VALUE, 123, "neither Y nor N")
    return b"\x01" + new_seq.to_bytes(8)


def _new_order(message: Message) -> bytes:
    cl_ord_id = values.text(message, b"11", _ID)
    account = values.optional(message, b"1", _ACCOUNT)
    symbol = values.text(message, b"55", _SYMBOL)
    side = values.one_of(message, b"54", _SIDES)
    ord_type = values.one_of(message, b"40", _ORD_TYPES)
    tif = values.one_of(message, b"59", _TIMES_IN_FORCE) if b"59" in message.fields else b"0"
    # Without a price a limit order cannot be; elsewhere it is reported as it came.
    price = values.price(message, b"44") if ord_type == b"2" or b"44" in message.fields else 0
    quantity = values.quantity(message, b"38")
    values.sending_time(message, b"60")
    names = string(cl_ord_id) + string(account) + string(symbol)
    return names + side + ord_type + tif + _PAIR.pack(price, quantity)


def _cancel(message: Message) -> bytes:
    cl_ord_id, original = values.text(message, b"11", _ID), values.text(message, b"41", _ID)
    symbol, side = values.text(message, b"55", _SYMBOL), values.one_of(message, b"54", _SIDES)
    values.sending_time(message, b"60")
    return string(cl_ord_id) + string(original) + string(symbol) + side


def _mass_status(message: Message) -> bytes:
    request_id = values.text(message, b"584", _ID)
    if values.required(message, b"585") != b"7":
        raise Bad(values.BAD_VALUE, 585, "only 7, the status of all orders, is answered")
    return string(request_id)


_MAKERS: dict[bytes, tuple[Kind, Callable[[Message], bytes]]] = {
    b"0": (Kind.HEARTBEAT, _nothing),
    b"1": (Kind.TEST_REQUEST, _test_request),
    b"2": (Kind.RESEND_REQUEST, _resend_request),
    b"3": (Kind.REJECT, _nothing),
    b"j": (Kind.REJECT, _nothing),  # a reject of a reject would go on for ever
    b"4": (Kind.SEQUENCE_RESET, _gap_fill),
    b"5": (Kind.LOGOUT, _logout_text),
    b"A": (Kind.LOGON, _second_logon),
    b"D": (Kind.NEW_ORDER_SINGLE, _new_order),
    b"F": (Kind.ORDER_CANCEL_REQUEST, _cancel),
    b"AF": (Kind.ORDER_MASS_STATUS_REQUEST, _mass_status),
}
