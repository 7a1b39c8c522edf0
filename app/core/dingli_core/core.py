"""The process of a core: follows, campaigns, leads, sits out a quarantine."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from enum import StrEnum

import structlog
from dingli_etcd import Client, EtcdError, TlsFiles

from dingli_core.appender import Pending
from dingli_core.campaign import (
    Candidate,
    campaign,
    campaign_delay_s,
    drop_overdue_handover,
    failover_limitation,
    generation_problem,
    step_down,
)
from dingli_core.clock import ClockComparison
from dingli_core.config import Config
from dingli_core.exceptions import CoreError, LeadershipLostError, QuarantineError
from dingli_core.gateway_server import GatewayServer
from dingli_core.judgement import Judge
from dingli_core.keys import Keys
from dingli_core.leading import Leading
from dingli_core.lease import LeaseKeeper
from dingli_core.machine import Machine
from dingli_core.metrics import Metrics
from dingli_core.placement import Placement
from dingli_core.replica import DisagreementError, Replica
from dingli_core.segments import Segments
from dingli_core.tail import LogTail
from dingli_core.view import CellView

__all__ = ["Core", "ReleasedError", "Role", "etcd_client"]

STATUS_S = 1.0
FOLLOWING_LOOK_S = 0.1
LEADERLESS_LOOK_S = 0.01
log = structlog.get_logger()


class Role(StrEnum):
    STARTING = "starting"
    FOLLOWER = "follower"
    LEADER = "leader"
    QUARANTINED = "quarantined"


class ReleasedError(CoreError):
    """An operator has lifted this core's quarantine: it starts anew, from the log."""


def etcd_client(config: Config) -> Client:
    """Its deadline is a third of the lease: three tries fit in."""
    etcd = config.etcd
    tls = TlsFiles(etcd.ca, etcd.cert, etcd.key) if etcd.ca and etcd.cert and etcd.key else None
    return Client(etcd.endpoints, tls, config.lease_s / 3)


class Core:
    """One incarnation. `announce_lease` tells the supervisor what to revoke when this process ends."""

    def __init__(self, config: Config, client: Client, announce_lease: Callable[[int], None]) -> None:
        self._config = config
        self._client = client
        self._incarnation = secrets.token_hex(8)
        self._keys = Keys(config.cell)
        self._view = CellView(client, self._keys)
        self._replica = Replica(config.cell)
        self._keeper = LeaseKeeper(client, config.lease_s, announce_lease)
        segments = Segments(config.state_dir / "archive", config.cell)
        self._tail = LogTail(client, self._keys, self._replica, self._apply, self._keeper.progress, segments)
        self._judge = Judge(client, self._keys, self._view, self._replica, config.core_id)
        self._clock = ClockComparison(self._view, config.core_id)
        self._metrics = Metrics(config.cell, config.core_id)
        self._metrics.watch_sessions(lambda: self._machine().sessions.by_name.values())
        self._server = GatewayServer(config, self._machine, self)
        self._leading: Leading | None = None
        self._limitation: str | None = None
        self.role = Role.STARTING

    async def run(self) -> None:
        """Until cancelled; raises ReleasedError when a quarantine was lifted."""
        await self._server.start()
        if self._config.metrics is not None:
            self._metrics.serve(self._config.metrics)
        placement = Placement(self._config, self._client, lambda: self.role is Role.LEADER)
        try:
            async with asyncio.TaskGroup() as group:
                for task in (self._keeper, self._view, self._judge, self._clock, placement):
                    group.create_task(task.run())
                group.create_task(self._publish_status())
                group.create_task(self._live())
        except* ReleasedError:
            log.info("the quarantine was lifted; starting anew")
        finally:
            with contextlib.suppress(EtcdError):
                await self._keeper.revoke()

    def submit(self, pending: Pending) -> int:
        """Queues a gateway's command; without leadership it is dropped (the gateway keeps it)."""
        return self._leading.submit(pending) if self._leading is not None else 0

    def surely_leads(self) -> bool:
        return self._leading is not None and self._keeper.alive(self._leading.lease)

    def leader_address(self) -> str:
        leader = self._view.leader()
        return "" if leader is None or leader.core == self._config.core_id else leader.address

    def _machine(self) -> Machine:
        return self._replica.machine

    async def _live(self) -> None:
        while not self._view.polled_at:
            await self._view.changed(FOLLOWING_LOOK_S)
        while True:
            try:
                if self._view.quarantined(self._config.core_id):
                    raise QuarantineError(self._replica.head, "quarantined by another core, or in an earlier life")
                epoch, lease = await self._follow()
                await self._lead(epoch, lease)
            except LeadershipLostError as error:
                log.warning("not leading any more", reason=str(error), head=self._replica.head)
            except QuarantineError as error:
                await self._sit_out(error)

    async def _follow(self) -> tuple[int, int]:
        """Follows until a campaign is won: the epoch, and the lease that the leader key is under."""
        self.role = Role.FOLLOWER
        tail = asyncio.create_task(self._tail.follow())
        try:
            while True:
                if tail.done():
                    tail.result()
                if self._view.quarantined(self._config.core_id):
                    raise QuarantineError(self._replica.head, "quarantined by another core")
                await self._drop_own_leader_key()
                won = await self._campaign_if_due()
                if won is not None:
                    return won
                leaderless = self._view.leader() is None
                await self._view.changed(LEADERLESS_LOOK_S if leaderless else FOLLOWING_LOOK_S)
        finally:
            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)

    async def _drop_own_leader_key(self) -> None:
        """A campaign whose outcome stayed unknown may have been won late: nobody leads under such a key."""
        leader = self._view.leader()
        if leader is not None and (leader.core, leader.incarnation) == (self._config.core_id, self._incarnation):
            log.warning("dropping a leader key under which this core does not lead", epoch=leader.epoch)
            await step_down(self._client, self._keys, leader.epoch)
            with contextlib.suppress(EtcdError):
                await self._view.poll()

    async def _campaign_if_due(self) -> tuple[int, int] | None:
        me = Candidate(
            self._config.core_id,
            self._replica.head,
            self._replica.newest_known if self._tail.read_once else None,
            self._keeper.alive(),
            self._clock.problem(),
            generation_problem(self._config.generation, self._replica.machine.generation),
        )
        limitation = failover_limitation(self._view, me)
        if limitation != self._limitation:
            log.info("may campaign" if limitation is None else "may not campaign", reason=limitation)
            self._limitation = limitation
        with contextlib.suppress(EtcdError):
            await drop_overdue_handover(self._client, self._keys, self._view)
        gone_at = self._view.leader_gone_at
        if limitation is not None or gone_at is None:
            return None
        if time.monotonic() < gone_at + campaign_delay_s(self._view, me):
            return None
        lease = self._keeper.lease
        content = {
            "core": self._config.core_id,
            "kind": self._config.kind,
            "incarnation": self._incarnation,
            "address": self._config.advertise,
        }
        value = json.dumps(content).encode("ascii")
        epoch = await campaign(self._client, self._keys, self._view, self._config.core_id, value, lease)
        return None if epoch is None else (epoch, lease)

    async def _lead(self, epoch: int, lease: int) -> None:
        log.info("campaign won", epoch=epoch, head=self._replica.head)
        self._leading = Leading(
            self._config,
            self._client,
            self._keys,
            self._view,
            self._replica,
            self._keeper,
            self._clock,
            self._server,
            self._metrics,
            epoch,
            lease,
        )
        self.role = Role.LEADER
        try:
            await self._leading.run(self._tail)
        finally:
            self._leading = None
            self.role = Role.FOLLOWER
            self._server.close_links()
            # The watch may still show our own key: a follower must learn of a newer leader first.
            with contextlib.suppress(EtcdError):
                await self._view.poll()

    async def _apply(self, raw: bytes) -> None:
        """Executes entry head + 1; waits for a judgement when its hash is another than ours."""
        while True:
            try:
                self._replica.apply_raw(raw, self._view.disputed_from)
                return
            except DisagreementError as error:
                log.error("hashes differ: waiting for a judgement", n=error.n, epoch=error.epoch)
                with contextlib.suppress(EtcdError):
                    await self._judge.vote(error.n - 1)
            await self._view.changed(FOLLOWING_LOOK_S)
            self._keeper.progress()
            blocked = self._view.halted() or self._view.quarantined(self._config.core_id)
            if self._leading is not None and blocked:
                await step_down(self._client, self._keys, self._leading.epoch)
                raise LeadershipLostError("halted or quarantined while reading the log")

    async def _sit_out(self, error: QuarantineError) -> None:
        """Publishes status and does nothing else until an operator deletes the quarantine key."""
        self.role = Role.QUARANTINED
        log.error("quarantined", n=error.n, reason=error.reason)
        core = self._config.core_id
        self._keeper.release_for_good()
        marked = False
        while not marked:
            try:
                await self._judge.quarantine(core, error.n, error.reason)
                await self._keeper.revoke()
                await self._view.poll()
                marked = True
            except EtcdError as problem:
                log.error("the quarantine could not be written; trying again", error=str(problem))
                await asyncio.sleep(FOLLOWING_LOOK_S)
        while self._view.quarantined(core):
            await self._view.changed(1.0)
        raise ReleasedError("an operator deleted the quarantine key")

    async def _publish_status(self) -> None:
        while True:
            try:
                await self._client.put(self._keys.status(self._config.core_id), json.dumps(self._status()).encode())
            except EtcdError as error:
                log.warning("the status could not be published", error=str(error))
            await asyncio.sleep(STATUS_S)

    def _status(self) -> dict[str, str | int]:
        now_ns = time.time_ns()
        replica, machine, metrics = self._replica, self._replica.machine, self._metrics
        lag_ms = replica.lag_ms(now_ns)
        epoch = machine.epoch if self._leading is None else self._leading.epoch
        metrics.leading.set(self.role is Role.LEADER)
        metrics.quarantined.set(self.role is Role.QUARANTINED)
        metrics.halted.set(self._view.halted())
        metrics.disagreements.set(sum(len(set(cast.values())) > 1 for cast in self._view.votes().values()))
        metrics.clock_trusted.set(self._clock.problem() is None)
        metrics.epoch.set(epoch)
        metrics.head.set(machine.head)
        metrics.lag_s.set(lag_ms / 1000)
        metrics.replay.set(replica.replay_per_s)
        metrics.unreadable.set(self._view.unreadable)
        metrics.gateways.set(len(self._server.links))
        metrics.sessions.set(sum(1 for session in machine.sessions.by_name.values() if session.connection))
        return {
            "core": self._config.core_id,
            "kind": self._config.kind,
            "incarnation": self._incarnation,
            "role": self.role,
            "epoch": epoch,
            "head": machine.head,
            "hash": machine.hash.hex(),
            "time_ns": now_ns,
            "lag_ms": lag_ms,
            "replay_per_s": replica.replay_per_s,
            "address": self._config.advertise,
        }
