"""One member's TCP connection, from its first byte to its last."""

import asyncio
import time
from enum import Enum
from typing import TYPE_CHECKING, cast

import structlog

from dingli_gateway import outbound
from dingli_gateway.exceptions import OversizedError
from dingli_gateway.framing import Framer, Message
from dingli_gateway.inbound import Draft, LogonRequest, Names, judge, logon_request, too_often
from dingli_gateway.outflow import Outflow
from dingli_gateway.wire import Ack, Event, EventType, Kind, Status, string

if TYPE_CHECKING:
    from dingli_gateway.gateway import Gateway

__all__ = ["Member", "Phase"]

LOGON_WITHIN_S = 10.0
CLOSING_WITHIN_S = 5.0
UNCONFIRMED_LIMIT = 1_000  # of one member: more of its messages stay in its socket
OUTPUT_HIGH = 256 * 1024
OUTPUT_LIMIT = 8 * 1024 * 1024
MASS_STATUS_S = 1.0
_TICK_S = 0.2

log = structlog.get_logger()


class Phase(Enum):
    """How far a connection has come."""

    NEW = "new"
    VERIFYING = "verifying"
    LOGGING_ON = "logging on"
    ON = "on"
    CLOSING = "closing"
    CLOSED = "closed"


class Member(asyncio.Protocol):
    """Reads messages in order, submits what they mean, and writes what the core answers."""

    def __init__(self, gateway: "Gateway", connection: int) -> None:
        self._gateway = gateway
        self.connection = connection
        self.phase = Phase.NEW
        self.session = b""
        self.unconfirmed = 0
        self._framer = Framer(gateway.config.max_message_bytes)
        self._transport: asyncio.Transport | None = None
        self._peer = "?"
        self._reading = True
        self._stalled = False
        self._out: list[bytes] = []
        self._opened = self._received = self._sent = time.monotonic()
        self._heartbeat_s = 0
        self._heartbeat_due = self._tested = False
        self._expected = 0
        self._next_mass_status = 0.0
        self._in_core = False  # whether the core may hold this connection as the session's
        self.outflow: Outflow

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's TLS transports are none by their class
        self._transport = transport
        self._peer = str((transport.get_extra_info("peername") or ("?",))[0])
        transport.set_write_buffer_limits(high=OUTPUT_HIGH)
        refusal = self._gateway.opened(self)
        if refusal is not None:
            self.close(refusal)
        self.update_reading()

    def data_received(self, data: bytes) -> None:
        self._received = time.monotonic()
        self._tested = False
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return
        self._framer.feed(data)
        self._consume()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._in_core:
            self._in_core = False
            self._submit(Draft(Kind.DISCONNECTED, 0, 0, b""))
        if self.phase is not Phase.CLOSED:
            self._gateway.metrics.disconnects.labels("member left").inc()
            self.phase = Phase.CLOSED
        self._gateway.left(self)

    def pause_writing(self) -> None:
        self._stalled = True
        if self.session:
            self.outflow.congestion(True)
        self.update_reading()

    def resume_writing(self) -> None:
        self._stalled = False
        if self.session:
            self.outflow.congestion(False)
        self.update_reading()

    def update_reading(self) -> None:
        """Read from the socket or leave its bytes there, as the link and this member's own backlog allow."""
        allowed = (
            self._gateway.reading
            and not self._stalled
            and self.unconfirmed < UNCONFIRMED_LIMIT
            and self.phase not in (Phase.VERIFYING, Phase.LOGGING_ON)
        )
        if allowed == self._reading or self._transport is None or self._transport.is_closing():
            return
        self._reading = allowed
        if allowed:
            self._received = time.monotonic()
            self._transport.resume_reading()
            self._consume()
        else:
            self._transport.pause_reading()

    # Messages of the member

    def _consume(self) -> None:
        garbled = self._framer.garbled
        try:
            while self._reading and self.phase in (Phase.NEW, Phase.ON):
                message = self._framer.take()
                if message is None:
                    break
                self._gateway.metrics.message("in", message.msg_type)
                if self.phase is Phase.NEW:
                    self._first(message)
                else:
                    self._message(message)
                self.update_reading()
        except OversizedError as error:
            self.close(f"oversized message: {error}", metric="oversized")
        if self._framer.garbled > garbled:
            self._gateway.metrics.garbled.inc(self._framer.garbled - garbled)

    def _first(self, message: Message) -> None:
        request = logon_request(message, self._gateway.cell, time.time_ns())
        if isinstance(request, str):
            self._refuse(request)
            return
        self.phase = Phase.VERIFYING
        self._gateway.start(self._verify(request))

    async def _verify(self, request: LogonRequest) -> None:
        right = await self._gateway.passwords.verify(self._peer, request.session, request.password)
        if self.phase is not Phase.VERIFYING:
            return
        if not right:
            self._refuse("unknown session or wrong password")
            return
        self.phase = Phase.LOGGING_ON
        self.session = request.session
        self._heartbeat_s = int.from_bytes(request.draft.body[:2])
        envelope = outbound.Envelope(self._gateway.cell, self.session)
        self.outflow = Outflow(envelope, self._write, lambda begin, end: self._gateway.fetch(self, begin, end))
        self._in_core = True
        self._gateway.logging_on(self)
        self._submit(request.draft)

    def _refuse(self, reason: str) -> None:
        self._gateway.metrics.logon_refused.inc()
        self.close(reason, metric="logon refused")

    def _message(self, message: Message) -> None:
        verdict = judge(message, Names(self.session, self._gateway.cell), self._expected, time.time_ns())
        for draft in map(self._moderated, verdict.drafts):
            self._submit(draft)
            if draft.kind is Kind.LOGOUT and draft.in_seq == self._expected:
                self.phase = Phase.CLOSING
        self._expected = verdict.expected
        if verdict.closing:
            self.phase = Phase.CLOSING

    def _moderated(self, draft: Draft) -> Draft:
        """One status of all orders a second: a thousand in a row would keep every core busy with nothing else."""
        if draft.kind is not Kind.ORDER_MASS_STATUS_REQUEST or draft.in_seq != self._expected:
            return draft  # behind a gap it is not executed, and comes again
        now = time.monotonic()
        if now < self._next_mass_status:
            return too_often(draft)
        self._next_mass_status = now + MASS_STATUS_S
        return draft

    def _submit(self, draft: Draft) -> None:
        self.unconfirmed += 1
        self._gateway.submit(self, draft)

    # Answers of the core

    def event(self, event: Event, entry_time_ns: int, now_ns: int) -> None:
        """One event of this connection."""
        if self.phase is not Phase.CLOSED:
            self.outflow.event(event, entry_time_ns, now_ns)
            if self.outflow.overfull:
                self.close("reads too slowly: too much waits behind a resend", metric="slow reader", abort=True)

    def acknowledged(self, ack: Ack, body: bytes) -> None:
        """What became of one of this connection's commands."""
        self.unconfirmed -= 1
        if ack.kind == Kind.HEARTBEAT_DUE:
            self._heartbeat_due = False
        if self.phase is Phase.CLOSED:
            return
        if ack.kind == Kind.LOGON:
            self._logon_acknowledged(ack)
        elif ack.status == Status.STALE:
            self._in_core = False
            self.close("the session is logged on elsewhere, or logged out", metric="replaced")
        elif ack.kind == Kind.RESEND_REQUEST and ack.status == Status.DUPLICATE:
            self._resend_lost(ack, body)
        self.update_reading()

    def _logon_acknowledged(self, ack: Ack) -> None:
        # A duplicate that brought no Logon event was answered by a Logout which nobody stored for this connection.
        accepted = ack.status in (Status.EXECUTED, Status.GAP) or (
            ack.status == Status.DUPLICATE and self.outflow.started
        )
        if accepted and self.phase is Phase.LOGGING_ON:
            self.phase = Phase.ON
            self._expected = ack.next_in
            log.info("logged_on", session=self.session.decode(), connection=self.connection, next_in=ack.next_in)
            self._gateway.sessions_changed()
        elif not accepted:
            self._in_core = False
            self.close(f"logon not accepted, status {ack.status}", metric="logon refused")

    def _resend_lost(self, ack: Ack, body: bytes) -> None:
        """The request was executed under a lost leader, and its Resend event, which has no number, was lost with it."""
        begin, end = int.from_bytes(body[:8]), int.from_bytes(body[8:16])
        last = self.outflow.last_out
        if begin and (end == 0 or end >= begin):
            self.outflow.resend(begin, min(end, last) if end else last)

    def _write(self, message: bytes, event_type: int) -> None:
        if message:
            self._out.append(message)
            self._gateway.metrics.message("out", outbound.MSG_TYPES.get(event_type, b"4"))
            self._gateway.mark(self)
        if event_type == EventType.LOGOUT:
            self._in_core = False
            self.close("logged out", metric="logout")
        elif event_type == EventType.DISCONNECT:
            self._in_core = False
            self.close("replaced by a newer logon", metric="replaced")

    def flush(self) -> None:
        """One write for all that has gathered; a member that does not read is disconnected."""
        transport = self._transport
        if not self._out or transport is None:
            return
        data = b"".join(self._out)
        self._out.clear()
        self._sent = time.monotonic()
        transport.write(data)
        if transport.get_write_buffer_size() > OUTPUT_LIMIT:
            self.close(f"reads too slowly: {OUTPUT_LIMIT} bytes wait", metric="slow reader", abort=True)

    def close(self, reason: str, metric: str = "refused", abort: bool = False) -> None:
        """End the connection after what is written; a member that does not take it is cut off."""
        if self.phase is Phase.CLOSED or self._transport is None:
            return
        self.flush()
        self.phase = Phase.CLOSED
        self._gateway.metrics.disconnects.labels(metric).inc()
        log.info("closing", session=self.session.decode(), peer=self._peer, connection=self.connection, reason=reason)
        if abort:
            self._transport.abort()
        else:
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSING_WITHIN_S, self._transport.abort)

    # Time

    def check(self, now: float) -> None:
        """What is due; called every 200 ms."""
        if self.phase is Phase.NEW and now - self._opened > LOGON_WITHIN_S:
            self._refuse(f"no Logon within {LOGON_WITHIN_S:.0f} s")
        elif self.phase is Phase.ON and self._gateway.reading:
            self._check_silence(now)

    def _check_silence(self, now: float) -> None:
        silent = now - self._received
        if silent > 2.4 * self._heartbeat_s:
            self.close(f"nothing received for {silent:.1f} s", metric="silent")
        elif silent > 1.2 * self._heartbeat_s and not self._tested:
            self._tested = True
            self._submit(Draft(Kind.TEST_REQUEST_DUE, 0, 0, string(outbound.timestamp(time.time_ns()))))
        if now - self._sent >= self._heartbeat_s - _TICK_S and not self._heartbeat_due and self.phase is Phase.ON:
            self._heartbeat_due = True
            self._submit(Draft(Kind.HEARTBEAT_DUE, 0, 0, b""))

    def log_out(self, text: str) -> bool:
        """Ask the core to log this session out; whether there was anything to ask."""
        if self.phase is not Phase.ON:
            return False
        self.phase = Phase.CLOSING
        self._submit(Draft(Kind.LOGOUT_DUE, 0, 0, string(text.encode())))
        return True
