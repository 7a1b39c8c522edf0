"""One incarnation of a core: follows the journal, campaigns, leads (sections 8 and 9)."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from enum import StrEnum
from queue import Empty, Queue
from typing import Any

from dingli_minicore import etcd as e
from dingli_minicore.config import Config
from dingli_minicore.election import Ballot, ClockCheck, Verdict, campaign_delay_s, failover_limitation
from dingli_minicore.exceptions import Defect, EtcdError, EtcdUnknown, LeadershipLost
from dingli_minicore.frames import Hello, not_leader
from dingli_minicore.keys import Keys, View
from dingli_minicore.lease import Lease
from dingli_minicore.links import FromLink, LinkServer, server_context
from dingli_minicore.replica import Replica
from dingli_minicore.segments import entries_from
from dingli_minicore.watch import Watch, WatchBroken, Watched
from dingli_minicore.watchdog import Watchdog

__all__ = ["Core", "Quarantined", "Role"]

_log = logging.getLogger("dingli.core")
_PAGE = 500
_HANDOVER_S = 0.5
_HOME_S = 30.0


class Role(StrEnum):
    """What a core is at the moment."""

    STARTING = "starting"
    FOLLOWER = "follower"
    LEADER = "leader"
    QUARANTINED = "quarantined"


class Quarantined(Exception):
    """This core is barred: the process starts anew, and waits."""


class Core:
    """Everything of one incarnation. Its methods belong to one thread; lease, watch and links have their own."""

    def __init__(self, config: Config, granted: Callable[[int], None]) -> None:
        self.config = config
        self.keys = Keys(config.cell, config.core_id)
        self.etcd = e.Etcd(config.etcd, config.deadline_s)
        self.replica = Replica(config.cell)
        self.view = View(self.keys)
        # Not a SimpleQueue: CPython's (seen in 3.11) waits for ever where a time is over before it has begun to wait.
        self.inbox: Queue[Any] = Queue()
        self.incarnation = uuid.uuid4().hex
        self.role = Role.STARTING
        self.epoch = 0
        self.progress = 0
        """Rises while the commit loop advances."""
        self.watchdog = Watchdog()
        self._renewed_at = -1
        self.lease = Lease(e.Etcd(config.etcd, config.deadline_s), config.lease_s, self._may_renew, granted)
        self._watch_etcd = e.Etcd(config.etcd, config.deadline_s)
        context = server_context(config.tls) if config.tls is not None else None
        self.links = LinkServer(config.listen, context, f"gateway-{config.cell}", self.inbox)
        self._watch: Watch | None = None
        self._poll_due = 0.0
        self._home_due = 0.0
        self._status_due = 0.0
        self._missed = 0
        self._beyond = ""
        self._gone_since: float | None = None
        self._campaign_due = 0.0
        self._handover: tuple[int, float] = (0, 0.0)
        self._clock = ClockCheck()
        self._ballot = Ballot(self.keys.me, self.replica)
        self._statuses: dict[str, tuple[int, int]] = {}
        self._limitation: str | None = None
        self.concerns = (0, 0, 0)
        self._lead: Callable[[int], None] = lambda epoch: None

    def run(self, lead: Callable[[int], None]) -> None:
        """Follow, and `lead(epoch)` whenever this core has won; ends with an exception only."""
        self._lead = lead
        self.lease.start()
        self.links.open()
        self.links.start()
        while True:
            try:
                self._turn()
            except EtcdError as error:
                _log.warning("%s", error)
                self._poll_due = time.monotonic() + min(0.1, self.config.poll_s)

    # -- following

    def _turn(self) -> None:
        now = time.monotonic()
        due = min([self._poll_due, *([self._campaign_due] if self._gone_since is not None else [])])
        try:
            self._take(self.inbox.get(timeout=max(0.001, due - now)))
            while True:
                self._take(self.inbox.get_nowait())
        except Empty:
            pass
        if time.monotonic() >= self._poll_due:
            self._read_on()
        self.attend()
        self._consider_campaign()

    def _take(self, item: Any) -> None:
        if isinstance(item, FromLink):
            if item.frame is not None:
                self.turn_away(item)
        elif isinstance(item, Watched):
            if item.watch is self._watch:
                self._take_events(item)
        elif isinstance(item, WatchBroken) and item.watch is self._watch:
            self._watch = None
            self._watch_etcd.next_member()
            self._poll_due = 0.0 if not item.watch.short_lived else self._poll_due

    def turn_away(self, item: FromLink) -> None:
        """Tell a gateway where the leader is."""
        if isinstance(item.frame, Hello) or item.link.welcomed:
            leader = self.view.leader
            address = leader.address if leader is not None and leader.incarnation != self.incarnation else ""
            item.link.send(not_leader(address), last=True)
            self.links.flush()

    def _take_events(self, item: Watched) -> None:
        for kv, deleted in item.events:
            n = self.keys.log_number(kv.key)
            if n is None:
                self.view.update(kv, deleted)
            elif not deleted:
                self._missed = 0
                self._offer(n, kv.value)
                if self.replica.machine.head < n and self.replica.blocked is None:
                    self._poll_due = 0.0  # a gap

    def _offer(self, n: int, data: bytes) -> None:
        self.replica.offer(n, data, self.view.disputes)
        self.progress += 1

    def _read_on(self) -> None:
        """Read the small keys and the log from head + 1, to its end."""
        while self.poll([]) == _PAGE and self.replica.blocked is None:
            self._check_quarantine()
        self._poll_due = time.monotonic() + self.config.poll_s
        if time.monotonic() >= self._home_due:
            self._home_due = time.monotonic() + _HOME_S
            self.etcd.go_home()
        if self._watch is None:
            self.role = Role.FOLLOWER if self.role == Role.STARTING else self.role
            self._watch_etcd.at = self.etcd.at
            self._watch = Watch(
                self._watch_etcd, self.keys.watched, self.view.revision + 1, self.inbox, max(2.0, self.config.lease_s)
            )
            self._watch.start()

    def poll(self, success: list[Any]) -> int:
        """Read everything in one transaction, with `success` before it; how many entries came."""
        self.watchdog.beat()
        body = e.txn_body([], [*success, *self.reads(), self._read_log()], [])
        reply = self.etcd.txn(body)
        *small, log = reply.kvs[len(success) :]
        self.seen(small, reply.revision)
        behind = entries = 0
        lacking = False
        for kv in log:
            n = self.keys.log_number(kv.key)
            if n is not None:
                entries += 1
                behind += n > self.replica.machine.head
                lacking |= n > self.replica.machine.head + 1
                self._offer(n, kv.value)
        if lacking and self.replica.blocked is None:
            return _PAGE if self._bridge() else 0  # reading on would only give the same again
        # A page full of what is no entry must not pass for the end of the log.
        self._beyond = log[-1].key + "\0" if len(log) == _PAGE and not entries else ""
        if behind and self._watch is not None and self.replica.blocked is None:
            self._missed += 1
            if self._missed > 3:  # entries come, but not through the watch
                _log.warning("the watch is silent: opening another")
                self.unwatch()
        return _PAGE if self._beyond else entries

    def _bridge(self) -> bool:
        """Execute what one segment holds of the entries that the journal has no more; whether there was any."""
        before = self.replica.machine.head
        for n, data in entries_from(self.config.archive, self.config.cell, before + 1):
            if self.replica.blocked is None:
                self._offer(n, data)
                self.watchdog.beat()
        return self.replica.machine.head > before

    def _read_log(self) -> Any:
        limit = _PAGE if self.replica.blocked is None else 1
        start = self._beyond or self.keys.log(self.replica.machine.head + 1)
        return e.get_range(start, self.keys.log_end, limit)

    def reads(self) -> list[Any]:
        """Operations that read the small keys, and write or read statuses where it is time."""
        nothing = e.get(self.keys.halt)  # keeps each answer in its place
        operations = [e.get_range(*span) for span in self.keys.small]
        operations.append(e.get_range(*self.keys.statuses) if self.view.votes() else nothing)
        now = time.monotonic()
        if now >= self._status_due:
            self._status_due = now + self.config.status_s
            operations.insert(0, e.put(self.keys.status, self.status()))
        else:
            operations.insert(0, nothing)
        return operations

    def seen(self, kvs: list[tuple[e.Kv, ...]], revision: int) -> None:
        """Take in the answers to `reads`."""
        _, *small, statuses = kvs
        self.view.replace([kv for part in small for kv in part], revision)
        if self.view.votes():
            self._statuses = self.view.pulses(statuses)
        if self.etcd.last_date is not None:
            self._clock.add(*self.etcd.last_date)

    def unwatch(self) -> None:
        """Stop the watch; the next read opens another."""
        if self._watch is not None:
            self._watch.stop()
        self._watch = None
        self._missed = 0

    # -- what every role attends to

    def attend(self) -> None:
        """Votes, disputes, quarantine."""
        self._check_quarantine()
        blocked = self.replica.blocked
        if blocked is not None and self.view.disputes(blocked.epoch, blocked.n):
            self._poll_due = 0.0
        for n, vote in self._ballot.owed(self.view).items():
            self._create(self.keys.vote(n), vote.hex().encode())
            self._poll_due = min(self._poll_due, time.monotonic() + 0.05)
        if not self.view.votes():
            return
        for verdict in self._ballot.verdicts(self.view, self._live(), time.monotonic()):
            self._execute(verdict)

    def _check_quarantine(self) -> None:
        if self.view.is_quarantined(self.config.core_id):
            raise Quarantined

    def _live(self) -> dict[str, int]:
        """The heads of the policy's cores whose status is young; one that is nobody's while nothing is known."""
        policy = self.view.policy
        if policy is None or not self._statuses:
            return {"": 0}
        young = time.time_ns() - 5_000_000_000
        named = {core.replace("/", ":") for core in policy.cores}
        heads = {core: head for core, (at, head) in self._statuses.items() if core in named and at > young}
        return heads | {self.keys.me: self.replica.machine.head}

    def _execute(self, verdict: Verdict) -> None:
        _log.error("verdict about entry %d: %s", verdict.n, verdict)
        if verdict.right is None:
            reason = "no majority for a hash"
            self._create(self.keys.halt, json.dumps({"n": verdict.n, "reason": reason}).encode())
            self._ballot.settle(verdict)
            if self.epoch:
                raise LeadershipLost(reason)
            return
        if verdict.entry_is_wrong:
            self._create(self.keys.disputed(verdict.epoch), str(verdict.n).encode())
            mine = e.created_at(self.keys.leader, verdict.epoch)
            self.etcd.txn(e.txn_body([mine], [e.delete(self.keys.leader)], []))
        for core in verdict.wrong:
            self.quarantine(core, verdict.n, f"hash before entry {verdict.n} rejected by the majority")
        self._ballot.settle(verdict)
        self._poll_due = 0.0

    def _create(self, key: str, value: bytes) -> None:
        """Put a key unless it exists."""
        self.etcd.txn(e.txn_body([e.absent(key)], [e.put(key, value)], []))

    def quarantine(self, core: str, n: int, reason: str) -> None:
        """Bar a core (its id as key names write it) until an operator lifts it."""
        data = {"core": core.replace(":", "/", 1), "n": n, "reason": reason, "at_ns": time.time_ns()}
        self._create(self.keys.quarantine_of(core), json.dumps(data).encode())

    def status(self) -> bytes:
        """The status key's JSON (section 9.6)."""
        machine, now = self.replica.machine, time.time_ns()
        # For the thread of metrics: entries with differing votes, whether the cell is halted, and this clock wrong.
        split = sum(len(set(cast.values())) > 1 for cast in self.view.votes().values())
        self.concerns = (split, int(self.view.halted), int(self._clock.limitation() is not None))
        data = {
            "core": self.config.core_id, "kind": "minimal", "incarnation": self.incarnation, "role": self.role.value,
            "epoch": machine.epoch, "head": machine.head, "hash": machine.hash.hex(), "time_ns": now,
            "lag_ms": self.replica.lag_ms(now), "replay_per_s": self.replica.per_s, "address": self.config.advertise,
        }  # fmt: skip
        return json.dumps(data).encode()

    # -- campaigning

    def limitation(self) -> str | None:
        """Why this core may not campaign; None if it may."""
        alive = self.lease.holds(self.lease.id)
        return failover_limitation(self.view, self.config.core_id, self.replica.behind, alive, self._clock.limitation())

    def clock_limitation(self) -> str | None:
        """Why this core's clock cannot be trusted, where it can be told."""
        return self._clock.limitation()

    def _consider_campaign(self) -> None:
        now = time.monotonic()
        leader = self.view.leader
        if leader is not None:
            self._gone_since = None
            if leader.incarnation == self.incarnation:  # a campaign, or its end, whose outcome was unknown
                if leader.lease == self.lease.id:
                    self._lead_now(leader.epoch)
                else:
                    self._give_up(leader.epoch)
            return
        if self._watch is None:
            return  # the log was not read to its end yet
        if self._gone_since is None:
            self._gone_since = now
            self._campaign_due = now + campaign_delay_s(self.view, self.config.core_id, self.replica.behind)
        self._expire_handover(now)
        if now < self._campaign_due:
            return
        self._campaign_due = now + 0.1
        reason = self.limitation()
        if reason is None:
            self._campaign()
        elif reason != self._limitation:
            _log.info("no campaign: %s", reason)
        self._limitation = reason

    def _expire_handover(self, now: float) -> None:
        handover = self.view.handover
        if handover is None:
            return
        target, revision = handover
        if self._handover[0] != revision:
            self._handover = (revision, now)
            if target == self.config.core_id:
                self._campaign_due = now
        elif now - self._handover[1] >= _HANDOVER_S:
            _log.warning("%s did not take over: the hand-over is void", target)
            same = e.modified_at(self.keys.handover, revision)
            self.etcd.txn(e.txn_body([same], [e.delete(self.keys.handover)], []))
            self._poll_due = 0.0

    def _campaign(self) -> None:
        policy, handover, keys = self.view.policy, self.view.handover, self.keys
        lease_id = self.lease.id
        value = {
            "core": self.config.core_id, "kind": "minimal", "incarnation": self.incarnation,
            "address": self.config.advertise,
        }  # fmt: skip
        compare = [
            e.absent(keys.leader),
            e.modified_at(keys.policy, policy.mod_revision if policy is not None else 0),
            e.absent(keys.halt),
            e.absent(keys.quarantine),
            e.absent(keys.handover) if handover is None else e.value_is(keys.handover, self.config.core_id.encode()),
        ]
        success = [e.put(keys.leader, json.dumps(value).encode(), lease_id)]
        if handover is not None:
            success.append(e.delete(keys.handover))
        self._poll_due = 0.0
        reply = self.etcd.txn(e.txn_body(compare, success, []))
        if reply.succeeded:
            self._lead_now(reply.revision)

    def _lead_now(self, epoch: int) -> None:
        self.unwatch()
        self.epoch = epoch
        lost = "?"
        try:
            self._lead(epoch)
        except LeadershipLost as error:
            lost = str(error)
        finally:
            self.epoch = 0
            self.role = Role.FOLLOWER
        _log.warning("leadership of epoch %d ended: %s", epoch, lost)
        self._gone_since = None
        self._poll_due = 0.0
        self._give_up(epoch)

    def _give_up(self, epoch: int) -> None:
        """Delete the leader key, if it is still ours."""
        mine = e.created_at(self.keys.leader, epoch)
        for _ in range(3):
            try:
                self.etcd.txn(e.txn_body([mine], [e.delete(self.keys.leader)], []))
            except EtcdUnknown as error:
                _log.warning("leader key not deleted yet: %s", error)
            else:
                return

    def _may_renew(self) -> bool:
        """A leader's lease lives only while its commit loop advances."""
        if self.epoch and self.progress == self._renewed_at:
            return False
        self._renewed_at = self.progress
        return True

    def defect(self, error: BaseException) -> Defect | None:
        """What `error` says about this core's state, if anything."""
        if isinstance(error, Defect):
            return error
        n = self.replica.executing
        return None if n is None else Defect(n, f"exception at {n}: {type(error).__name__} {error}")
