"""The gateway: members on one side, the leading core on the other, and what is kept between them."""

import asyncio
import time
from collections.abc import Coroutine

import structlog

from dingli_gateway import wire
from dingli_gateway.config import Config
from dingli_gateway.inbound import Draft
from dingli_gateway.kept import Kept, KeptCommands
from dingli_gateway.leader import LeaderTracker
from dingli_gateway.link import CoreLink
from dingli_gateway.member import Member, Phase
from dingli_gateway.metrics import Metrics
from dingli_gateway.passwords import Passwords

__all__ = ["Gateway"]

TICK_S = 0.2
ISOLATED_AFTER_S = 2.0
STOOD_STILL_S = 1.0
KEPT_LIMIT = 20_000
UNKNOWN_LIMIT = 256  # connections that have not logged on yet

log = structlog.get_logger()


class Gateway:
    """Implements the LinkListener of the core link, and what a Member asks of its gateway."""

    def __init__(self, config: Config, tracker: LeaderTracker, link: CoreLink, metrics: Metrics) -> None:
        self.config = config
        self.cell = config.cell.encode()
        self.metrics = metrics
        self.passwords = Passwords(config.members_file)
        self.reading = False
        self._tracker = tracker
        self._link = link
        self._members: dict[int, Member] = {}
        self._kept = KeptCommands()
        self._dirty: dict[Member, None] = {}
        self._fetches: dict[int, Member] = {}
        self._last_request = 0
        self._last_connection = 0
        self._last_entry = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()

    # Members

    def accept(self) -> Member:
        """A protocol for a new connection, whose number is our clock and always grows."""
        self._last_connection = max(self._last_connection + 1, time.time_ns())
        return Member(self, self._last_connection)

    def opened(self, member: Member) -> str | None:
        """A connection stands; why it must be closed again, if it must."""
        unknown = sum(1 for other in self._members.values() if other.phase in (Phase.NEW, Phase.VERIFYING))
        self._members[member.connection] = member
        self.metrics.connections.set(len(self._members))
        if self._isolated():
            return "this gateway cannot reach the journal"
        return "too many connections wait for their logon" if unknown >= UNKNOWN_LIMIT else None

    def left(self, member: Member) -> None:
        """A connection has ended."""
        self._members.pop(member.connection, None)
        self._dirty.pop(member, None)
        self.metrics.connections.set(len(self._members))
        self.sessions_changed()

    def sessions_changed(self) -> None:
        """Count those that are logged on."""
        self.metrics.sessions.set(sum(1 for member in self._members.values() if member.phase is Phase.ON))

    def logging_on(self, member: Member) -> None:
        """A password was right; from now on the connection is named to a new leader."""
        log.info("logging_on", session=member.session.decode(), connection=member.connection)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside the loop's protocols."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def submit(self, member: Member, draft: Draft) -> None:
        """Keep a command and hand it to the leader, now or as soon as there is one."""
        now_ns = time.time_ns()
        body = wire.command(
            draft.kind, now_ns, member.session, member.connection, draft.in_seq, draft.flags, draft.body
        )
        frame = wire.frame(wire.FrameType.SUBMIT, body)
        self._kept.add(Kept(draft.kind, member.connection, draft.in_seq, frame, draft.body, time.monotonic()))
        if self._link.ready:
            self._link.send(frame)
        if draft.kind == wire.Kind.INVALID:
            self.metrics.rejects.labels("session").inc()
        elif draft.kind == wire.Kind.UNSUPPORTED:
            self.metrics.rejects.labels("business").inc()
        if len(self._kept) >= KEPT_LIMIT:
            self.room_changed()

    def fetch(self, member: Member, begin: int, end: int) -> None:
        """Ask for stored events; without a leader the member asks again when there is one."""
        if not self._link.ready:
            return
        self._last_request += 1
        self._fetches[self._last_request] = member
        self._link.send(wire.fetch(self._last_request, member.session, begin, end))

    def mark(self, member: Member) -> None:
        """This member has something to write."""
        self._dirty[member] = None

    # The link

    def hello(self) -> bytes:
        """The first frame: all connections whose logon was submitted."""
        return wire.hello(
            self.config.gateway_id.encode(),
            [
                (member.session, member.connection, member.outflow.last_out)
                for member in self._members.values()
                if member.session and member.phase is not Phase.CLOSED
            ],
        )

    def linked(self, welcome: wire.Welcome) -> None:
        """A leader: it gets all that is kept, and sockets are read again."""
        log.info("linked", core=welcome.core.decode(), epoch=welcome.epoch, head=welcome.head, kept=len(self._kept))
        self.metrics.leader_epoch.set(welcome.epoch)
        self.metrics.linked.set(1)
        self.metrics.reconnects.inc()
        self._fetches.clear()
        for command in self._kept:
            self._link.send(command.frame)
        for member in self._members.values():
            if member.session:
                member.outflow.link_restored()
        self.room_changed()

    def unlinked(self) -> None:
        """No leader for now."""
        self.metrics.linked.set(0)
        self._fetches.clear()
        self.room_changed()

    def room_changed(self) -> None:
        """Read members' sockets while there is a leader that takes what they say."""
        limit = KEPT_LIMIT if self.reading else KEPT_LIMIT // 2
        reading = self._link.ready and not self._link.congested and len(self._kept) < limit
        if reading != self.reading:
            self.reading = reading
            for member in list(self._members.values()):
                member.update_reading()

    def entry(self, entry: wire.Entry) -> None:
        """A committed entry: first what members are told, then what became of their commands."""
        self._last_entry = time.monotonic()
        now_ns = time.time_ns()
        for event in entry.events:
            member = self._members.get(event.connection)
            if member is not None and member.session == event.session:
                member.event(event, entry.time_ns, now_ns)
        for ack in entry.acks:
            command = self._kept.acknowledged(ack)
            if ack.in_seq:
                self.metrics.ack_seconds.observe(self._last_entry - command.since)
            member = self._members.get(ack.connection)
            if member is not None:
                member.acknowledged(ack, command.body)
        if entry.acks and not self.reading:
            self.room_changed()

    def stored(self, stored: wire.Stored) -> None:
        """The answer to a fetch, or what connections missed while there was no link."""
        now_ns = time.time_ns()
        if stored.request:
            member = self._fetches.get(stored.request)
            if not stored.events:
                self._fetches.pop(stored.request, None)
            if member is not None and member.phase is not Phase.CLOSED:
                member.outflow.stored(stored.events, now_ns)
            return
        for item in stored.events:
            missed = self._members.get(item.event.connection)
            if missed is not None and missed.session == stored.session:
                missed.event(item.event, item.time_ns, now_ns)

    def delivered(self) -> None:
        """All that has arrived is dealt with: one write per socket."""
        members, self._dirty = self._dirty, {}
        for member in members:
            member.flush()

    # Time

    async def run(self) -> None:
        """Look after timers until cancelled."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            if now - looked > STOOD_STILL_S:
                # It was this process that stood still: what the journal and the core sent meanwhile is not read yet.
                self._last_entry = now
            looked = now
            isolated = self._isolated()
            for member in list(self._members.values()):
                if isolated:
                    member.close("this gateway cannot reach the journal", metric="isolated")
                member.check(now)
            self.metrics.unconfirmed.set(len(self._kept))

    def _isolated(self) -> bool:
        now = time.monotonic()
        return now - self._last_entry > ISOLATED_AFTER_S and now - self._tracker.last_contact > ISOLATED_AFTER_S

    async def log_out_all(self, text: str, within_s: float) -> None:
        """Before the gateway ends: members are logged out, so that they go elsewhere at once."""
        asked = [member.log_out(text) for member in list(self._members.values())]
        deadline = time.monotonic() + within_s
        while any(asked) and self._members and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for member in list(self._members.values()):
            member.close(text, metric="shutdown")
