"""Leading: from a won campaign until leadership is lost or given up."""

import asyncio
import time
from collections import deque

import structlog
from dingli_etcd import Client, EtcdError
from dingli_etcd.operations import delete, is_absent, mod_revision_is, put

from dingli_core.appender import MAX_BATCH_COMMANDS, Appender, Batch, MissingEntryError, Pending, gather
from dingli_core.campaign import generation_problem, step_down
from dingli_core.clock import ClockComparison
from dingli_core.commands import (
    CONFIGURE,
    EPOCH_START,
    TICK,
    Command,
    Configure,
    EpochStart,
    Instrument,
    Tick,
    encode_command,
)
from dingli_core.config import Config
from dingli_core.exceptions import LeadershipLostError
from dingli_core.gateway_server import FULL_QUEUE_COMMANDS, GatewayServer
from dingli_core.keys import Keys
from dingli_core.lease import LeaseKeeper
from dingli_core.machine import Applied
from dingli_core.metrics import Metrics
from dingli_core.replica import Replica
from dingli_core.tail import LogTail
from dingli_core.view import CellView

__all__ = ["Leading"]

TICK_S = 0.2
RETRY_S = 0.02
# Entries follow each other no faster than this. etcd's members, followers and gateways pay for an entry whatever its
# size: without a pace a moderate stream fills their processors with entries of one command.
PACE_S = 0.010
log = structlog.get_logger()


class Leading:
    """One epoch of this core. `run` ends only by raising."""

    def __init__(
        self,
        config: Config,
        client: Client,
        keys: Keys,
        view: CellView,
        replica: Replica,
        keeper: LeaseKeeper,
        clock: ClockComparison,
        server: GatewayServer,
        metrics: Metrics,
        epoch: int,
        lease: int,
    ) -> None:
        self._config = config
        self._client = client
        self._keys = keys
        self._view = view
        self._replica = replica
        self._keeper = keeper
        self._clock = clock
        self._server = server
        self._metrics = metrics
        self.lease = lease
        self._queue: deque[Pending] = deque()
        self._wake = asyncio.Event()
        self._tick_due = 0.0
        self._send_from = 0.0
        self._unpublished: tuple[Batch, Applied] | None = None
        self._appender = Appender(client, keys, replica.machine, config.generation, epoch, time.time_ns)
        self.epoch = epoch

    def submit(self, pending: Pending) -> int:
        self._queue.append(pending)
        self._wake.set()
        return len(self._queue)

    async def run(self, tail: LogTail) -> None:
        """Raises LeadershipLostError or QuarantineError."""
        self._server.take_over()
        await self._catch_up(tail)
        await self._append([_own(EpochStart(EPOCH_START, 0, self._config.core_id))])
        if self._config.revision > self._replica.machine.revision:
            await self._append([_own(_configure(self._config))])
        self._publish()
        self._server.open()
        log.info("leading", epoch=self.epoch, head=self._replica.head)
        watcher = asyncio.create_task(self._wake_on_change())
        try:
            while True:
                await self._step()
        finally:
            watcher.cancel()

    async def _step(self) -> None:
        await self._give_up_if_asked()
        await self._wait_for_work()
        await self._pace()
        if not self._may_send():
            # This loop runs, so the lease may be asked for: etcd knows whether it is still there.
            self._keeper.progress()
            await asyncio.sleep(RETRY_S)
            return
        if not self._queue and time.monotonic() < self._tick_due:
            return  # a key has changed: that is looked at, and nothing is written for it
        full = len(self._queue) >= FULL_QUEUE_COMMANDS // 2
        pending = gather(self._queue) or [_own(Tick(TICK, 0))]
        await self._append(pending)
        if not self._queue:
            self._publish()
        if full and len(self._queue) < FULL_QUEUE_COMMANDS // 2:
            self._server.queue_has_room()

    def _may_send(self) -> bool:
        """Nothing new is sent while the lease may have expired by our own clock."""
        if self._keeper.lease != self.lease:
            raise LeadershipLostError(f"the lease of epoch {self.epoch} is gone")
        return self._keeper.alive(self.lease)

    async def _append(self, pending: list[Pending]) -> None:
        batch = self._appender.build(pending)
        self._send_from = time.monotonic() + PACE_S
        try:
            commit = asyncio.ensure_future(self._appender.commit(batch))
            await asyncio.sleep(0)
            self._publish()  # the entry before, while this one travels
            await commit
        except MissingEntryError as error:
            await self._halt(batch.entry.n, str(error))
            raise
        applied = self._replica.apply(batch.entry, batch.raw, batch.commands)
        self._tick_due = time.monotonic() + TICK_S
        self._keeper.progress()
        self._metrics.committed(len(batch.commands), len(batch.raw), self._appender.last_commit_s)
        self._unpublished = batch, applied

    def _publish(self) -> None:
        if self._unpublished is not None:
            self._server.publish(*self._unpublished)
            self._unpublished = None

    async def _wait_for_work(self) -> None:
        if self._queue:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(max(0.0, self._tick_due - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _pace(self) -> None:
        """Let commands gather; one that comes alone finds the time already over."""
        rest_s = self._send_from - time.monotonic()
        if rest_s > 0 and len(self._queue) < MAX_BATCH_COMMANDS:
            self._publish()
            await asyncio.sleep(rest_s)

    async def _wake_on_change(self) -> None:
        while True:
            await self._view.changed(1.0)
            self._wake.set()

    async def _give_up_if_asked(self) -> None:
        """Halt, quarantine, a wrong clock and the switch key all take effect between two batches."""
        switch, policy = self._view.switch(), self._view.policy()
        core = self._config.core_id
        if switch is not None and (switch[0] == core or policy is None or switch[0] not in policy.cores):
            log.warning("switch names this core, or one that the policy does not: ignored", target=switch[0])
            try:
                await self._client.txn([mod_revision_is(self._keys.switch, switch[1])], [delete(self._keys.switch)])
            except EtcdError as error:
                log.warning("the switch key could not be deleted", error=str(error))
        elif switch is not None:
            self._publish()
            await self._stop_leading(f"switch to {switch[0]}", switch[0])
        elif self._view.halted():
            await self._stop_leading("the cell is halted")
        elif self._view.quarantined(core):
            await self._stop_leading("this core is quarantined")
        else:
            problem = self._clock.problem()
            if problem is not None:
                await self._stop_leading(problem)

    async def _stop_leading(self, reason: str, handover: str | None = None) -> None:
        await step_down(self._client, self._keys, self.epoch, handover)
        raise LeadershipLostError(reason)

    async def _halt(self, n: int, reason: str) -> None:
        content = f'{{"n": {n}, "reason": "{reason}"}}'.encode("ascii")
        while True:
            try:
                await self._client.txn([is_absent(self._keys.halt)], [put(self._keys.halt, content)])
                break
            except EtcdError as error:
                log.error("the cell could not be halted; trying again", error=str(error))
                await asyncio.sleep(RETRY_S)
        await step_down(self._client, self._keys, self.epoch)

    async def _catch_up(self, tail: LogTail) -> None:
        while True:
            try:
                await tail.catch_up()
                break
            except EtcdError as error:
                log.warning("the log could not be read to its end; trying again", error=str(error))
                await asyncio.sleep(RETRY_S)
            if self._keeper.lease != self.lease:
                raise LeadershipLostError("the lease was lost while reading the log")
        if self._replica.head < self._replica.newest_known:
            # Nothing can be appended behind a hole, and guessing what stood there would be worse.
            await self._halt(self._replica.head + 1, f"entry {self._replica.head + 1} is missing from the log")
            raise LeadershipLostError(f"entry {self._replica.head + 1} is missing from the log")
        # An entry of an older generation would put every core that executes it into quarantine.
        problem = generation_problem(self._config.generation, self._replica.machine.generation)
        if problem is not None:
            await self._stop_leading(problem)


def _own(command: Command) -> Pending:
    return Pending(encode_command(command), command, None)


def _configure(config: Config) -> Configure:
    instruments = tuple(
        Instrument(item.symbol, item.tick, item.max_quantity, item.min_price, item.max_price)
        for item in config.instruments
    )
    return Configure(CONFIGURE, 0, config.revision, config.max_age_ms, instruments)
