"""Leading: one transaction at a time, and only what is committed is executed or answered (section 8)."""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections import deque
from queue import Empty
from typing import Any

from dingli_minicore import etcd as e
from dingli_minicore.codec import HEADER_SIZE, MAX_ENTRY, Command, Entry, EventType, Kind, encode_command, encode_entry
from dingli_minicore.core import Core, Role
from dingli_minicore.exceptions import Defect, EtcdError, LeadershipLost
from dingli_minicore.frames import Fetch, Hello, Submit, entry_frame, stored_frames, welcome
from dingli_minicore.links import FromLink, Link
from dingli_minicore.machine import Outcome
from dingli_minicore.placement import Placement

__all__ = ["Leadership", "ended_connections"]

_log = logging.getLogger("dingli.leader")
_TICK_S = 0.2
_BATCH = 500
"""So that a slow processor advances, and renews its lease, between batches."""
_AGAIN_S = 0.05

Pending = tuple[Link | None, bytes, Command]


def ended_connections(outcome: Outcome) -> set[int]:
    """Connections that nobody will be told anything of any more: a link remembers those that live."""
    last = (EventType.LOGOUT, EventType.DISCONNECT)
    told = {connection for connection, data in outcome.events if data[0] in last}
    return told | {each.connection for each in outcome.entry.commands if each.kind == Kind.DISCONNECTED}


def _own(kind: Kind, *body: Any) -> Pending:
    command = Command(kind, 0, "", 0, 0, 0, body)
    return None, encode_command(command), command


class Leadership:
    """One epoch of one core; `run` ends with LeadershipLost, or with a Defect."""

    def __init__(self, core: Core, epoch: int) -> None:
        self._core = core
        self._keys = core.keys
        self._epoch = epoch
        self._lease_id = core.lease.id
        self._pending: deque[Pending] = deque()
        self._hellos: list[FromLink] = []
        self._links: set[Link] = set()
        self._tick_due = 0.0
        self._poll_due = 0.0
        self._placement = Placement(core.config)

    def run(self) -> None:
        """Read the log to its end, begin the epoch, serve."""
        core = self._core
        _log.info("leading epoch %d", self._epoch)
        try:
            core.links.flush()
            self._catch_up()
            self._append([_own(Kind.EPOCH_START, core.config.core_id)])
            if core.config.revision > core.replica.machine.revision:
                config = core.config
                self._append([_own(Kind.CONFIGURE, config.revision, config.max_age_ms, config.instruments)])
            core.role = Role.LEADER
            self._placement.start()
            while True:
                self._turn()
        finally:
            self._placement.stop()
            self._dismiss()

    def _catch_up(self) -> None:
        """Execute everything up to the end of the log, as a majority knows it."""
        core = self._core
        while True:
            self._check()
            try:
                page = core.poll([])
                core.attend()
            except EtcdError as error:
                _log.warning("%s", error)
                continue
            if core.replica.blocked is not None:
                raise LeadershipLost(f"the hash in entry {core.replica.blocked.n} is not ours")
            if core.view.leader is None or core.view.leader.epoch != self._epoch:
                raise LeadershipLost("the leader key was lost while the log was read")
            if page == 0:
                break
        if core.replica.behind:
            raise LeadershipLost(f"entry {core.replica.machine.head + 1} is missing in the log")

    def _check(self) -> None:
        """Whether anything new may be sent."""
        if not self._core.lease.holds(self._lease_id):
            raise LeadershipLost("the lease may have expired")

    def _turn(self) -> None:
        for hello in self._hellos:
            self._welcome(hello.link, hello.frame)
        self._hellos.clear()
        self._gather()
        if self._pending or time.monotonic() >= self._tick_due:
            self._append(self._batch() or [_own(Kind.TICK)])

    def _gather(self) -> None:
        """Take what has arrived; wait for it only if there is nothing to do."""
        inbox = self._core.inbox
        try:
            if not self._pending:
                self._take(inbox.get(timeout=max(0.0005, self._tick_due - time.monotonic())))
            while len(self._pending) < 4 * _BATCH:
                self._take(inbox.get_nowait())
        except Empty:
            return

    def _take(self, item: Any) -> None:
        if not isinstance(item, FromLink):
            return  # of a watch that was stopped
        link, frame = item
        if frame is None:
            self._links.discard(link)
        elif isinstance(frame, Hello):
            if self._core.role == Role.LEADER:
                self._welcome(link, frame)
            else:
                self._hellos.append(item)
        elif isinstance(frame, Fetch):
            self._fetch(link, frame)
        elif isinstance(frame, Submit) and link in self._links:
            if frame.command.kind == Kind.LOGON:
                link.connections.add(frame.command.connection)
            self._pending.append((link, *frame))

    def _welcome(self, link: Link, frame: Any) -> None:
        machine = self._core.replica.machine
        link.welcomed = True
        link.connections.update(connection for _, connection, _ in frame.connections)
        pieces = [welcome(self._core.config.generation, self._epoch, machine.head, self._core.config.core_id)]
        for name, connection, last_out in frame.connections:
            session = machine.sessions.get(name)
            if session is not None and session.connection == connection:
                messages = machine.stored(name, last_out + 1, session.next_out - 1)
                pieces.extend(stored_frames(0, name, messages, empty=False))
        link.send(b"".join(pieces))
        self._links.add(link)
        self._core.links.flush()
        _log.info("welcome, gateway %s at %s", link.name, link.peer)

    def _fetch(self, link: Link, frame: Fetch) -> None:
        messages = self._core.replica.machine.stored(frame.session, frame.begin, frame.end)
        link.send(b"".join(stored_frames(frame.request, frame.session, messages, empty=True)))
        self._core.links.flush()

    def _batch(self) -> list[Pending]:
        batch: list[Pending] = []
        size = HEADER_SIZE
        while self._pending and len(batch) < _BATCH:
            size += 2 + len(self._pending[0][1])
            if size > MAX_ENTRY:
                break
            batch.append(self._pending.popleft())
        return batch

    def _append(self, batch: list[Pending]) -> None:
        """Commit one entry, execute it, tell everybody."""
        self._check()
        core = self._core
        entry, data = self._entry(batch)
        reads: list[Any] = []
        if time.monotonic() >= self._poll_due:
            reads = core.reads()
            self._poll_due = time.monotonic() + core.config.poll_s
        reply = self._commit(entry.n, data, reads)
        outcome = core.replica.commit(entry, data)
        self._publish(outcome, batch)
        core.progress += 1
        self._tick_due = time.monotonic() + _TICK_S
        if reads and reply.succeeded:
            core.seen(list(reply.kvs[1:]), reply.revision)
            try:
                self._look_around()
            except EtcdError as error:
                _log.warning("%s", error)  # done, or to be done after the next entries

    def _entry(self, batch: list[Pending]) -> tuple[Entry, bytes]:
        machine = self._core.replica.machine
        entry = Entry(
            self._core.config.generation, self._epoch, machine.head + 1, os.urandom(16),
            max(time.time_ns(), machine.time + 1), machine.hash, tuple(command for _, _, command in batch),
        )  # fmt: skip
        return entry, encode_entry(entry, [data for _, data, _ in batch])

    def _commit(self, n: int, data: bytes, reads: list[Any]) -> e.Reply:
        """Send the identical bytes until there is a definite answer."""
        keys, key = self._keys, self._keys.log(n)
        compare = [e.created_at(keys.leader, self._epoch), e.absent(key)]
        if n > 1:
            compare.append(e.present(keys.log(n - 1)))
        body = e.txn_body(compare, [e.put(key, data), *reads], [e.get(keys.leader), e.get(key)])
        for attempt in itertools.count(1):
            self._core.watchdog.beat()
            try:
                reply = self._core.etcd.txn(body)
            except EtcdError as error:
                _log.warning("entry %d, attempt %d: %s", n, attempt, error)
                time.sleep(_AGAIN_S)
                continue
            if reply.succeeded:
                return reply
            leader, found = reply.kvs
            if found and found[0].value == data:
                return reply
            if not leader or leader[0].create_revision != self._epoch:
                raise LeadershipLost("the leader key is gone" if not leader else "another core leads")
            what = "holds bytes of somebody else" if found else f"cannot be written: entry {n - 1} is missing"
            raise Defect(n, f"entry {n} {what} while epoch {self._epoch} leads")
        raise AssertionError("attempts do not end")

    def _publish(self, outcome: Outcome, batch: list[Pending]) -> None:
        if not self._links:
            return
        mine: dict[Link, list[int]] = {}
        for at, (link, _, _) in enumerate(batch):
            if link is not None:
                mine.setdefault(link, []).append(at)
        for link in self._links:
            link.send(entry_frame(outcome, mine.get(link, ()), link.connections))
        self._core.links.flush()
        over = ended_connections(outcome)
        for link in self._links:
            link.connections -= over

    def _look_around(self) -> None:
        """Act on the small keys that were read with the last entry."""
        core, view = self._core, self._core.view
        if view.halted:
            raise LeadershipLost("the cell is halted")
        core.attend()
        reason = core.clock_limitation()
        if reason is not None:
            raise LeadershipLost(reason)
        if view.switch is not None:
            self._switch(*view.switch)

    def _switch(self, target: str, revision: int) -> None:
        """Hand over to `target`, as an operator asked."""
        core, keys = self._core, self._keys
        policy = core.view.policy
        compare = [e.created_at(keys.leader, self._epoch), e.modified_at(keys.switch, revision)]
        if target == core.config.core_id or policy is None or target not in policy.cores:
            _log.warning("switch names %s, which leads already or is not in the policy: ignored", target)
            core.etcd.txn(e.txn_body(compare, [e.delete(keys.switch)], []))
            return
        success = [e.delete(keys.leader), e.delete(keys.switch), e.put(keys.handover, target.encode())]
        if core.etcd.txn(e.txn_body(compare, success, [])).succeeded:
            raise LeadershipLost(f"handed over to {target}")

    def _dismiss(self) -> None:
        """Nobody is answered any more: gateways look for the next leader."""
        for link in self._links:
            self._core.turn_away(FromLink(link, None))
        for hello in self._hellos:
            self._core.turn_away(hello)
        self._links.clear()
        self._pending.clear()
