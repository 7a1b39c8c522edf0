"""Sessions: numbers, gaps, logons and the administrative messages (sections 6.1 to 6.4)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from dingli_minicore.book import Order
from dingli_minicore.codec import Command, Event, EventType, Kind

__all__ = ["Session", "Status", "administer", "admit", "log_on"]

_MAX_SEQ = 2**63 - 1


class Status(IntEnum):
    """How a command ended."""

    EXECUTED = 0
    DUPLICATE = 1
    STALE = 2
    GAP = 3
    REFUSED = 4
    TOO_LOW = 5


class Session:
    """One FIX session of the cell."""

    __slots__ = (
        "connection",
        "gap_to",
        "heartbeat_s",
        "known",
        "last_connection",
        "name",
        "next_in",
        "next_out",
        "open",
        "stored",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.next_in = 1
        self.next_out = 1
        self.connection = 0
        self.last_connection = 0
        self.heartbeat_s = 0
        self.gap_to = 0
        self.stored: list[tuple[int, int, bytes]] = []
        """(n, time, event) of out_seq 1, 2, …"""
        self.known: dict[str, Order | None] = {}
        """Every recorded ClOrdID; None for a cancel request's."""
        self.open: dict[str, Order] = {}
        """Open orders by OrderID, in order of acceptance."""

    def emit(self, events: list[Event], type_: int, *fields: Any, connection: int | None = None) -> None:
        """Append a numbered event."""
        events.append((type_, self.name, self.connection if connection is None else connection, self.next_out, *fields))
        self.next_out += 1

    def advance(self, next_in: int) -> None:
        """Raise next_in and forget a gap that is closed thereby."""
        self.next_in = next_in
        if self.gap_to and next_in > self.gap_to:
            self.gap_to = 0


def log_on(session: Session, command: Command, events: list[Event]) -> Status:
    """A Logon that is well formed (section 6.2 from step 3)."""
    heartbeat_s, reset = command.body
    if command.connection <= session.last_connection:
        return Status.DUPLICATE if command.connection == session.last_connection else Status.STALE
    session.last_connection = command.connection
    if not reset and command.in_seq < session.next_in:
        text = f"MsgSeqNum too low, expecting {session.next_in} but received {command.in_seq}"
        session.emit(events, EventType.LOGOUT, text, connection=command.connection)
        return Status.TOO_LOW
    if session.connection:
        events.append((EventType.DISCONNECT, session.name, session.connection, 0, "replaced by a newer logon"))
    session.connection = command.connection
    session.heartbeat_s = heartbeat_s
    session.gap_to = 0
    if reset:
        session.next_in = session.next_out = 1
        session.stored = []
    session.emit(events, EventType.LOGON, heartbeat_s, reset)
    if command.in_seq == session.next_in:
        session.next_in += 1
        return Status.EXECUTED
    session.emit(events, EventType.RESEND_REQUEST, session.next_in, 0)
    session.gap_to = command.in_seq
    return Status.GAP


def admit(session: Session | None, command: Command, events: list[Event]) -> Status:
    """Section 6.1: EXECUTED means that the command is to be executed; next_in has risen then."""
    if session is None or session.connection == 0 or session.connection != command.connection:
        return Status.STALE
    if command.kind >= Kind.HEARTBEAT_DUE:
        return Status.EXECUTED
    if command.kind == Kind.SEQUENCE_RESET and not command.body[0]:
        return Status.DUPLICATE if command.body[1] == session.next_in <= _MAX_SEQ else Status.EXECUTED
    if command.in_seq < session.next_in:
        return Status.DUPLICATE
    if command.in_seq > session.next_in:
        if command.kind == Kind.RESEND_REQUEST:
            _resend(session, command.body, events)
        if not session.gap_to:
            session.emit(events, EventType.RESEND_REQUEST, session.next_in, 0)
        session.gap_to = max(session.gap_to, command.in_seq)
        return Status.GAP
    session.advance(session.next_in + 1)
    return Status.EXECUTED


def administer(session: Session, command: Command, events: list[Event]) -> None:
    """Execute an administrative message or a gateway's timer (sections 6.3 and 6.4)."""
    kind, body = command.kind, command.body
    if kind in {Kind.LOGOUT, Kind.LOGOUT_DUE}:
        session.emit(events, EventType.LOGOUT, "" if kind == Kind.LOGOUT else body[0])
        session.connection = 0
    elif kind == Kind.DISCONNECTED:
        session.connection = 0
    elif kind == Kind.TEST_REQUEST:
        session.emit(events, EventType.HEARTBEAT, body[0])
    elif kind == Kind.HEARTBEAT_DUE:
        session.emit(events, EventType.HEARTBEAT, "")
    elif kind == Kind.TEST_REQUEST_DUE:
        session.emit(events, EventType.TEST_REQUEST, body[0])
    elif kind == Kind.RESEND_REQUEST:
        if not _resend(session, body, events):
            session.emit(events, EventType.REJECT, command.in_seq, "2", 7, 5, "BeginSeqNo out of range")
    elif kind == Kind.SEQUENCE_RESET:
        # next_in is in_seq + 1 after a gap fill; without one, in_seq does not count.
        if _MAX_SEQ >= body[1] > (command.in_seq if body[0] else session.next_in):
            session.advance(body[1])
        else:
            session.emit(events, EventType.REJECT, command.in_seq, "4", 36, 5, "NewSeqNo out of range")
    elif kind == Kind.INVALID:
        session.emit(events, EventType.REJECT, command.in_seq, *body)
    elif kind == Kind.UNSUPPORTED:
        session.emit(events, EventType.BUSINESS_REJECT, command.in_seq, *body)


def _resend(session: Session, body: tuple[Any, ...], events: list[Event]) -> bool:
    """Whether the range makes sense; if it holds anything, a Resend event."""
    begin, end = body
    if begin == 0 or (end != 0 and end < begin):
        return False
    last = session.next_out - 1 if end == 0 or end >= session.next_out else end
    if begin <= last:
        events.append((EventType.RESEND, session.name, session.connection, 0, begin, last))
    return True
