"""Events: what executing a command tells anyone (docs/protocol.md, section 5.1). Tuples and their encoder.

Every event begins with type, session, connection and out_seq (0: takes no number).
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from dingli_core.wire import pack_str

__all__ = [
    "BusinessReject",
    "CancelReject",
    "Disconnect",
    "Event",
    "ExecutionReport",
    "HeartbeatSent",
    "LogonSent",
    "LogoutSent",
    "RejectSent",
    "Resend",
    "ResendRequestSent",
    "TestRequestSent",
    "encode_event",
]

NO_REASON = 65535

_QQ = struct.Struct(">QQ").pack
_HB = struct.Struct(">HB").pack
_REPORT_CHARS = struct.Struct(">ccH").pack
_REPORT_NUMBERS = struct.Struct(">cccQQQQQQQ").pack
_MASS = struct.Struct(">IB").pack
_CHAR_U16 = struct.Struct(">cH").pack
_U32_U16 = struct.Struct(">IH").pack
_U16 = struct.Struct(">H").pack
_U64 = struct.Struct(">Q").pack


class LogonSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    heartbeat_s: int
    reset: int


class LogoutSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    text: str


class HeartbeatSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    id: str


class TestRequestSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    id: str


class ResendRequestSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    begin: int
    end: int


class RejectSent(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    ref_seq: int
    ref_msg_type: str
    ref_tag: int
    reason: int
    text: str


class BusinessReject(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    ref_seq: int
    ref_msg_type: str
    ref_id: str
    reason: int
    text: str


class ExecutionReport(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    order_id: str
    exec_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    exec_type: str
    ord_status: str
    reject_reason: int
    symbol: str
    side: str
    ord_type: str
    tif: str
    price: int
    order_qty: int
    last_qty: int
    last_px: int
    leaves_qty: int
    cum_qty: int
    avg_px: int
    match_id: str
    account: str
    mass_id: str
    mass_total: int
    mass_last: int
    text: str


class CancelReject(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: str
    reason: int
    text: str


class Resend(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    begin: int
    end: int


class Disconnect(NamedTuple):
    type: int
    session: str
    connection: int
    out_seq: int
    text: str


Event = (
    ExecutionReport
    | CancelReject
    | LogonSent
    | LogoutSent
    | HeartbeatSent
    | TestRequestSent
    | ResendRequestSent
    | RejectSent
    | BusinessReject
    | Resend
    | Disconnect
)

LOGON, LOGOUT, HEARTBEAT, TEST_REQUEST, RESEND_REQUEST = 0x81, 0x82, 0x83, 0x84, 0x85
REJECT, BUSINESS_REJECT, EXECUTION_REPORT, CANCEL_REJECT = 0x87, 0x88, 0x90, 0x91
RESEND, DISCONNECT = 0xA0, 0xA1


def _report(event: ExecutionReport) -> bytes:
    return b"".join(
        (
            pack_str(event.order_id),
            pack_str(event.exec_id),
            pack_str(event.cl_ord_id),
            pack_str(event.orig_cl_ord_id),
            _REPORT_CHARS(event.exec_type.encode(), event.ord_status.encode(), event.reject_reason),
            pack_str(event.symbol),
            _REPORT_NUMBERS(
                event.side.encode(),
                event.ord_type.encode(),
                event.tif.encode(),
                event.price,
                event.order_qty,
                event.last_qty,
                event.last_px,
                event.leaves_qty,
                event.cum_qty,
                event.avg_px,
            ),
            pack_str(event.match_id),
            pack_str(event.account),
            pack_str(event.mass_id),
            _MASS(event.mass_total, event.mass_last),
            pack_str(event.text),
        )
    )


def _cancel_reject(event: CancelReject) -> bytes:
    return b"".join(
        (
            pack_str(event.order_id),
            pack_str(event.cl_ord_id),
            pack_str(event.orig_cl_ord_id),
            _CHAR_U16(event.ord_status.encode(), event.reason),
            pack_str(event.text),
        )
    )


def _reject(event: RejectSent) -> bytes:
    numbers = _U32_U16(event.ref_tag, event.reason)
    return _U64(event.ref_seq) + pack_str(event.ref_msg_type) + numbers + pack_str(event.text)


def _business_reject(event: BusinessReject) -> bytes:
    strings = pack_str(event.ref_msg_type) + pack_str(event.ref_id)
    return _U64(event.ref_seq) + strings + _U16(event.reason) + pack_str(event.text)


_ENCODERS: dict[int, Callable[[Any], bytes]] = {
    LOGON: lambda event: _HB(event.heartbeat_s, event.reset),
    LOGOUT: lambda event: pack_str(event.text),
    HEARTBEAT: lambda event: pack_str(event.id),
    TEST_REQUEST: lambda event: pack_str(event.id),
    RESEND_REQUEST: lambda event: _QQ(event.begin, event.end),
    REJECT: _reject,
    BUSINESS_REJECT: _business_reject,
    EXECUTION_REPORT: _report,
    CANCEL_REJECT: _cancel_reject,
    RESEND: lambda event: _QQ(event.begin, event.end),
    DISCONNECT: lambda event: pack_str(event.text),
}


def encode_event(event: Event) -> bytes:
    head = bytes((event.type,)) + pack_str(event.session) + _QQ(event.connection, event.out_seq)
    return head + _ENCODERS[event.type](event)
