"""Events rendered as FIX 4.4 messages (docs/protocol.md, section 11)."""

import struct
import time
from collections.abc import Callable
from functools import lru_cache

from dingli_gateway.exceptions import WireError
from dingli_gateway.wire import Event, EventType, take_string

__all__ = ["MSG_TYPES", "RESENT_TYPES", "Envelope", "decimal", "render_body", "timestamp"]

MSG_TYPES: dict[int, bytes] = {
    EventType.LOGON: b"A",
    EventType.LOGOUT: b"5",
    EventType.HEARTBEAT: b"0",
    EventType.TEST_REQUEST: b"1",
    EventType.RESEND_REQUEST: b"2",
    EventType.REJECT: b"3",
    EventType.BUSINESS_REJECT: b"j",
    EventType.EXECUTION_REPORT: b"8",
    EventType.CANCEL_REJECT: b"9",
}
# Sent again when asked for; all other numbers are gap-filled.
RESENT_TYPES = frozenset(
    (EventType.REJECT, EventType.BUSINESS_REJECT, EventType.EXECUTION_REPORT, EventType.CANCEL_REJECT)
)
_SCALE = 10_000
_NO_REASON = 65535
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_PAIR = struct.Struct(">QQ")
_QUANTITIES = struct.Struct(">7Q")


@lru_cache(maxsize=64)
def _second(seconds: int) -> bytes:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds)).encode()


def timestamp(time_ns: int) -> bytes:
    """UTCTimestamp with milliseconds."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return b"%b.%03d" % (_second(seconds), rest // 1_000_000)


def decimal(scaled: int) -> bytes:
    """A price in 1/10,000 without trailing zeros: 680000000 is `68000`, 500 is `0.05`."""
    whole, rest = divmod(scaled, _SCALE)
    return b"%d" % whole if rest == 0 else (b"%d.%04d" % (whole, rest)).rstrip(b"0")


class Envelope:
    """Header and trailer of everything that one session is sent."""

    def __init__(self, cell: bytes, session: bytes) -> None:
        self._names = b"\x0149=%b\x0156=%b\x0134=" % (cell, session)

    def message(
        self, msg_type: bytes, out_seq: int, now_ns: int, body: bytes, first_sent_ns: int | None = None
    ) -> bytes:
        """A whole message; with first_sent_ns it is marked as a possible duplicate of that time."""
        if first_sent_ns is None:
            inner = b"35=%b%b%d\x0152=%b\x01%b" % (msg_type, self._names, out_seq, timestamp(now_ns), body)
        else:
            times = timestamp(now_ns), timestamp(first_sent_ns)
            inner = b"35=%b%b%d\x0143=Y\x0152=%b\x01122=%b\x01%b" % (msg_type, self._names, out_seq, *times, body)
        whole = b"8=FIX.4.4\x019=%d\x01%b" % (len(inner), inner)
        return b"%b10=%03d\x01" % (whole, sum(whole) & 0xFF)

    def event(self, event: Event, entry_time_ns: int, now_ns: int) -> bytes:
        """The message of a new event."""
        return self.message(MSG_TYPES[event.type], event.out_seq, now_ns, render_body(event, entry_time_ns))

    def again(self, event: Event, entry_time_ns: int, now_ns: int) -> bytes:
        """The message of a stored event, sent again."""
        body = render_body(event, entry_time_ns)
        return self.message(MSG_TYPES[event.type], event.out_seq, now_ns, body, entry_time_ns)

    def gap_fill(self, begin: int, following: int, now_ns: int) -> bytes:
        """SequenceReset that stands for the numbers from begin up to, not including, following."""
        return self.message(b"4", begin, now_ns, b"123=Y\x0136=%d\x01" % following, now_ns)


def _optional(tag: bytes, value: bytes) -> bytes:
    return b"%b=%b\x01" % (tag, value) if value else b""


def _logon(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    reset = b"141=Y\x01" if raw[at + 2] else b""
    return b"98=0\x01108=%d\x01%b" % (_U16.unpack_from(raw, at)[0], reset), at + 3


def _logout(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    text, at = take_string(raw, at)
    return _optional(b"58", text), at


def _heartbeat(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    test_id, at = take_string(raw, at)
    return _optional(b"112", test_id), at


def _resend_request(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    return b"7=%d\x0116=%d\x01" % _PAIR.unpack_from(raw, at), at + 16


def _reject(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    ref_seq = int.from_bytes(raw[at : at + 8])
    ref_type, at = take_string(raw, at + 8)
    tag, reason = _U32.unpack_from(raw, at)[0], _U16.unpack_from(raw, at + 4)[0]
    text, at = take_string(raw, at + 6)
    ref_tag = b"371=%d\x01" % tag if tag else b""
    body = b"45=%d\x01%b%b373=%d\x01%b"
    return body % (ref_seq, ref_tag, _optional(b"372", ref_type), reason, _optional(b"58", text)), at


def _business_reject(raw: bytes, at: int, _time_ns: int) -> tuple[bytes, int]:
    ref_seq = int.from_bytes(raw[at : at + 8])
    ref_type, at = take_string(raw, at + 8)
    ref_id, at = take_string(raw, at)
    reason = _U16.unpack_from(raw, at)[0]
    text, at = take_string(raw, at + 2)
    body = b"45=%d\x01372=%b\x01%b380=%d\x01%b"
    return body % (ref_seq, ref_type, _optional(b"379", ref_id), reason, _optional(b"58", text)), at


def _execution_report(raw: bytes, at: int, time_ns: int) -> tuple[bytes, int]:
    order_id, at = take_string(raw, at)
    exec_id, at = take_string(raw, at)
    cl_ord_id, at = take_string(raw, at)
    orig_cl_ord_id, at = take_string(raw, at)
    exec_type, ord_status = raw[at], raw[at + 1]
    reason = _U16.unpack_from(raw, at + 2)[0]
    symbol, at = take_string(raw, at + 4)
    side, ord_type, tif = raw[at], raw[at + 1], raw[at + 2]
    price, order_qty, last_qty, last_px, leaves_qty, cum_qty, avg_px = _QUANTITIES.unpack_from(raw, at + 3)
    match_id, at = take_string(raw, at + 3 + _QUANTITIES.size)
    account, at = take_string(raw, at)
    mass_id, at = take_string(raw, at)
    mass_total, mass_last = _U32.unpack_from(raw, at)[0], raw[at + 4]
    text, at = take_string(raw, at + 5)
    fill = b"32=%d\x0131=%b\x01" % (last_qty, decimal(last_px)) if exec_type == 0x46 else b""
    mass = b"584=%b\x01911=%d\x01912=%c\x01" % (mass_id, mass_total, b"NY"[mass_last]) if mass_id else b""
    body = b"".join(
        (
            b"37=%b\x01" % order_id,
            _optional(b"11", cl_ord_id),
            _optional(b"41", orig_cl_ord_id),
            b"17=%b\x01150=%c\x0139=%c\x01" % (exec_id, exec_type, ord_status),
            b"" if reason == _NO_REASON else b"103=%d\x01" % reason,
            _optional(b"1", account),
            b"55=%b\x0154=%c\x0138=%d\x0140=%c\x01" % (symbol, side, order_qty, ord_type),
            b"44=%b\x01" % decimal(price) if price else b"",
            b"59=%c\x01" % tif,
            fill,
            b"151=%d\x0114=%d\x016=%b\x0160=%b\x01" % (leaves_qty, cum_qty, decimal(avg_px), timestamp(time_ns)),
            _optional(b"527", match_id),
            mass,
            _optional(b"58", text),
        )
    )
    return body, at


def _cancel_reject(raw: bytes, at: int, time_ns: int) -> tuple[bytes, int]:
    order_id, at = take_string(raw, at)
    cl_ord_id, at = take_string(raw, at)
    orig_cl_ord_id, at = take_string(raw, at)
    status, reason = raw[at], _U16.unpack_from(raw, at + 1)[0]
    text, at = take_string(raw, at + 3)
    body = b"37=%b\x0111=%b\x0141=%b\x0139=%c\x01434=1\x01102=%d\x0160=%b\x01%b"
    fields = (order_id, cl_ord_id, orig_cl_ord_id, status, reason, timestamp(time_ns), _optional(b"58", text))
    return body % fields, at


_BODIES: dict[int, Callable[[bytes, int, int], tuple[bytes, int]]] = {
    EventType.LOGON: _logon,
    EventType.LOGOUT: _logout,
    EventType.HEARTBEAT: _heartbeat,
    EventType.TEST_REQUEST: _heartbeat,
    EventType.RESEND_REQUEST: _resend_request,
    EventType.REJECT: _reject,
    EventType.BUSINESS_REJECT: _business_reject,
    EventType.EXECUTION_REPORT: _execution_report,
    EventType.CANCEL_REJECT: _cancel_reject,
}


def render_body(event: Event, entry_time_ns: int) -> bytes:
    """The message's own fields; raises WireError if the event is not what the protocol describes."""
    try:
        body, end = _BODIES[event.type](event.raw, event.at, entry_time_ns)
    except (KeyError, IndexError, struct.error) as error:
        raise WireError(f"event {event.type:#x} number {event.out_seq} cannot be read: {error!r}") from error
    if end != len(event.raw):
        raise WireError(
            f"event {event.type:#x} number {event.out_seq}: {len(event.raw)} bytes, its fields end at {end}"
        )
    return body
