"""Sessions: which commands are executed, and the administrative messages (docs/protocol.md, section 6)."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from dingli_core import commands as kinds
from dingli_core import events
from dingli_core.commands import Logon, ResendRequest, SequenceReset, SessionCommand
from dingli_core.events import Event
from dingli_core.orders import Orders
from dingli_core.state import Session

__all__ = ["Sessions", "Status"]

REASON_VALUE_OUT_OF_RANGE = 5
TAG_BEGIN_SEQ_NO = 7
TAG_NEW_SEQ_NO = 36
MAX_SEQUENCE = 2**63 - 1


class Status(IntEnum):
    """What became of a command."""

    EXECUTED = 0
    DUPLICATE = 1
    STALE_CONNECTION = 2
    GAP = 3
    REFUSED = 4
    NUMBER_TOO_LOW = 5


class Sessions:
    """All sessions of a cell, by name."""

    def __init__(self, orders: Orders) -> None:
        self.by_name: dict[str, Session] = {}
        self._orders = orders

    def execute(self, command: SessionCommand, index: int, out: list[Event]) -> Status:
        """Appends the command's events to `out`. `index` is its place in the entry, from 1."""
        if command.kind == kinds.LOGON:
            return self._logon(command, out)
        session = self.by_name.get(command.session)
        if session is None or session.connection == 0 or session.connection != command.connection:
            return Status.STALE_CONNECTION
        kind = command.kind
        if kind >= kinds.HEARTBEAT_DUE:
            _TIMERS[kind](session, command.body, out)
            return Status.EXECUTED
        if kind == kinds.SEQUENCE_RESET and not command.body.gap_fill:  # type: ignore[union-attr]
            return _reset_sequence(session, command, out)
        in_seq = command.in_seq
        if in_seq < session.next_in:
            return Status.DUPLICATE
        if in_seq > session.next_in:
            _note_gap(session, command, out)
            return Status.GAP
        session.next_in = in_seq + 1
        session.clear_gap()
        body: Any = command.body
        if kind == kinds.NEW_ORDER:
            self._orders.new_order(session, command, body, index, out)
        elif kind == kinds.CANCEL:
            self._orders.cancel(session, command, body, out)
        elif kind == kinds.MASS_STATUS:
            self._orders.mass_status(session, body.text, out)
        else:
            _ADMINISTRATIVE[kind](session, command, out)
        return Status.EXECUTED

    def _logon(self, command: SessionCommand, out: list[Event]) -> Status:
        body = command.body
        assert isinstance(body, Logon)
        connection, in_seq = command.connection, command.in_seq
        if connection == 0 or in_seq == 0 or (body.reset and in_seq != 1):
            return Status.REFUSED
        session = self.by_name.get(command.session)
        if session is None:
            session = self.by_name[command.session] = Session(command.session)
        if connection == session.last_connection:
            return Status.DUPLICATE
        if connection < session.last_connection:
            return Status.STALE_CONNECTION
        session.last_connection = connection
        if not body.reset and in_seq < session.next_in:
            text = f"MsgSeqNum too low, expecting {session.next_in} but received {in_seq}"
            out.append(events.LogoutSent(events.LOGOUT, session.name, connection, _next_out(session), text))
            return Status.NUMBER_TOO_LOW
        _install(session, connection, body, out)
        if in_seq > session.next_in:
            out.append(_resend_request(session))
            session.gap_to = in_seq
            return Status.GAP
        session.next_in = in_seq + 1
        return Status.EXECUTED


def _install(session: Session, connection: int, body: Logon, out: list[Event]) -> None:
    if session.connection:
        replaced = "replaced by a newer logon"
        out.append(events.Disconnect(events.DISCONNECT, session.name, session.connection, 0, replaced))
    session.connection = connection
    session.heartbeat_s = body.heartbeat_s
    session.gap_to = 0
    if body.reset:
        session.next_in = 1
        session.next_out = 1
        session.stored.clear()
    session.installed_at = session.next_out
    out.append(
        events.LogonSent(events.LOGON, session.name, connection, _next_out(session), body.heartbeat_s, body.reset)
    )


def _next_out(session: Session) -> int:
    number = session.next_out
    session.next_out = number + 1
    return number


def _resend_request(session: Session) -> Event:
    connection, out_seq = session.connection, _next_out(session)
    return events.ResendRequestSent(events.RESEND_REQUEST, session.name, connection, out_seq, session.next_in, 0)


def _note_gap(session: Session, command: SessionCommand, out: list[Event]) -> None:
    # A ResendRequest is served even so: two sides that each wait for the other's resend would wait for ever.
    if isinstance(command.body, ResendRequest) and command.body.begin and _is_range(command.body):
        _resend(session, command.body, out)
    if not session.gap_to:
        out.append(_resend_request(session))
    session.gap_to = max(session.gap_to, command.in_seq)


def _is_range(body: ResendRequest) -> bool:
    return body.begin != 0 and (body.end == 0 or body.end >= body.begin)


def _resend(session: Session, body: ResendRequest, out: list[Event]) -> None:
    last = session.next_out - 1 if body.end == 0 or body.end >= session.next_out else body.end
    if body.begin <= last:
        out.append(events.Resend(events.RESEND, session.name, session.connection, 0, body.begin, last))


def _reset_sequence(session: Session, command: SessionCommand, out: list[Event]) -> Status:
    body = command.body
    assert isinstance(body, SequenceReset)
    if body.new_seq == session.next_in:
        return Status.DUPLICATE
    if session.next_in < body.new_seq <= MAX_SEQUENCE:
        session.next_in = body.new_seq
        session.clear_gap()
    else:
        out.append(_reject(session, command, "4", TAG_NEW_SEQ_NO, "NewSeqNo out of range"))
    return Status.EXECUTED


def _reject(session: Session, command: SessionCommand, msg_type: str, tag: int, text: str) -> Event:
    return events.RejectSent(
        events.REJECT,
        session.name,
        session.connection,
        _next_out(session),
        command.in_seq,
        msg_type,
        tag,
        REASON_VALUE_OUT_OF_RANGE,
        text,
    )


def _logout(session: Session, text: str, out: list[Event]) -> None:
    out.append(events.LogoutSent(events.LOGOUT, session.name, session.connection, _next_out(session), text))
    session.connection = 0


def _heartbeat(session: Session, identifier: str, out: list[Event]) -> None:
    connection = session.connection
    out.append(events.HeartbeatSent(events.HEARTBEAT, session.name, connection, _next_out(session), identifier))


def _on_resend_request(session: Session, command: SessionCommand, out: list[Event]) -> None:
    body = command.body
    assert isinstance(body, ResendRequest)
    if _is_range(body):
        _resend(session, body, out)
    else:
        out.append(_reject(session, command, "2", TAG_BEGIN_SEQ_NO, "BeginSeqNo out of range"))


def _on_gap_fill(session: Session, command: SessionCommand, out: list[Event]) -> None:
    body = command.body
    assert isinstance(body, SequenceReset)
    if command.in_seq < body.new_seq <= MAX_SEQUENCE:
        session.next_in = body.new_seq
        session.clear_gap()
    else:
        out.append(_reject(session, command, "4", TAG_NEW_SEQ_NO, "NewSeqNo out of range"))


def _on_invalid(session: Session, command: SessionCommand, out: list[Event]) -> None:
    head = events.REJECT, session.name, session.connection, _next_out(session), command.in_seq
    out.append(events.RejectSent(*head, *command.body))  # type: ignore[misc]


def _on_unsupported(session: Session, command: SessionCommand, out: list[Event]) -> None:
    head = events.BUSINESS_REJECT, session.name, session.connection, _next_out(session), command.in_seq
    out.append(events.BusinessReject(*head, *command.body))  # type: ignore[misc]


def _test_request_due(session: Session, body: Any, out: list[Event]) -> None:
    connection, out_seq = session.connection, _next_out(session)
    out.append(events.TestRequestSent(events.TEST_REQUEST, session.name, connection, out_seq, body.text))


def _disconnected(session: Session, _body: Any, _out: list[Event]) -> None:
    session.connection = 0


_ADMINISTRATIVE: dict[int, Callable[[Session, Any, list[Event]], None]] = {
    kinds.LOGOUT: lambda session, _, out: _logout(session, "", out),
    kinds.HEARTBEAT: lambda _session, _command, _out: None,
    kinds.REJECT: lambda _session, _command, _out: None,
    kinds.TEST_REQUEST: lambda session, command, out: _heartbeat(session, command.body.text, out),
    kinds.RESEND_REQUEST: _on_resend_request,
    kinds.SEQUENCE_RESET: _on_gap_fill,
    kinds.INVALID: _on_invalid,
    kinds.UNSUPPORTED: _on_unsupported,
}
_TIMERS: dict[int, Callable[[Session, Any, list[Event]], None]] = {
    kinds.HEARTBEAT_DUE: lambda session, _, out: _heartbeat(session, "", out),
    kinds.TEST_REQUEST_DUE: _test_request_due,
    kinds.LOGOUT_DUE: lambda session, body, out: _logout(session, body.text, out),
    kinds.DISCONNECTED: _disconnected,
}
