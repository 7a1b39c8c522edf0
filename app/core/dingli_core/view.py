"""What a core knows of its cell's keys, the log apart: watched, and read linearizably every 300 ms in any case."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog
from dingli_etcd import Client, EtcdError, WatchBrokenError
from dingli_etcd import etcd_pb2 as pb
from dingli_etcd.operations import get_range

from dingli_core import reading
from dingli_core.keys import Keys, escaped
from dingli_core.reading import Leader, Policy, Status

__all__ = ["CellView", "Leader", "Policy"]

POLL_S = 0.3
FRESH_STATUS_S = 5.0
log = structlog.get_logger()


class CellView:
    """The present content of the cell's control keys, as far as this core has been told."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._kvs: dict[bytes, pb.KeyValue] = {}
        self._revision = 0
        self._newest_event = 0
        self._change = asyncio.Event()
        self._handover: tuple[int, float] = (0, 0.0)
        self._unreadable: set[tuple[bytes, int]] = set()
        self.leader_gone_at: float | None = None
        self.polled_at = 0.0
        """Monotonic time of the last linearizable read; 0 before the first."""

    async def run(self) -> None:
        """Watches and polls until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll_always())
            group.create_task(self._watch_always(self._keys.prefix, self._keys.log_prefix))
            group.create_task(self._watch_always(self._keys.log_end, self._keys.end))

    async def changed(self, timeout_s: float) -> None:
        """Returns at the next change, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._change.wait()
        except TimeoutError:
            pass

    async def poll(self) -> None:
        """One linearizable read of everything but the log."""
        keys = self._keys
        ranges = [get_range(keys.prefix, keys.log_prefix), get_range(keys.log_end, keys.end)]
        response = await self._client.read_txn(ranges)
        if response.header.revision < max(self._revision, self._newest_event):
            return  # what a watch has shown since would be undone, and is not told again
        before = {key: kv.mod_revision for key, kv in self._kvs.items()}
        self._kvs = {kv.key: kv for part in response.responses for kv in part.response_range.kvs}
        self._revision = response.header.revision
        self.polled_at = time.monotonic()
        if before != {key: kv.mod_revision for key, kv in self._kvs.items()} or self.leader_gone_at is None:
            self._note_change()

    def leader(self) -> Leader | None:
        kv = self._kvs.get(self._keys.leader)
        if kv is None:
            return None
        # Whoever wrote what cannot be read may lead: nobody campaigns then, until an operator has looked.
        return Leader(*(reading.leader(kv.value) or ("", "", "")), kv.create_revision, kv.lease)

    def policy(self) -> Policy | None:
        kv = self._kvs.get(self._keys.policy)
        if kv is None:
            return None
        return reading.policy(kv.value) or Policy(0, (), ())

    def policy_revision(self) -> int:
        """The mod revision of the policy key; 0 without one."""
        kv = self._kvs.get(self._keys.policy)
        return 0 if kv is None else kv.mod_revision

    def handover(self) -> tuple[str, int] | None:
        """The core that may campaign next, and the key's mod revision."""
        kv = self._kvs.get(self._keys.handover)
        return None if kv is None else (kv.value.decode("ascii", "replace"), kv.mod_revision)

    def handover_age_s(self) -> float:
        """For how long the present hand-over key has stood while there was no leader."""
        handover = self.handover()
        if handover is None or self.leader_gone_at is None:
            return 0.0
        if self._handover[0] != handover[1]:
            self._handover = (handover[1], time.monotonic())
        return time.monotonic() - max(self._handover[1], self.leader_gone_at)

    def switch(self) -> tuple[str, int] | None:
        """The core to which the leader is asked to hand over, and the key's mod revision."""
        kv = self._kvs.get(self._keys.switch)
        return None if kv is None else (kv.value.decode("ascii", "replace"), kv.mod_revision)

    def halted(self) -> bool:
        return self._keys.halt in self._kvs

    def halt(self) -> dict[str, Any] | None:
        """What the halt key says: the entry, and the reason."""
        kv = self._kvs.get(self._keys.halt)
        return None if kv is None else reading.content(kv.value)

    def quarantined(self, core: str) -> bool:
        return self._keys.quarantine(core) in self._kvs

    def disputed_from(self, epoch: int) -> int | None:
        """From which entry on the hashes in entries of that epoch were rejected."""
        kv = self._kvs.get(self._keys.disputed(epoch))
        return None if kv is None else reading.number(kv.value)

    def votes(self) -> dict[int, dict[bytes, str]]:
        """Votes by entry number, then by core (as written in keys)."""
        found: dict[int, dict[bytes, str]] = {}
        prefix = self._keys.votes_prefix
        for key, kv in self._kvs.items():
            if key.startswith(prefix):
                vote = reading.vote(self._keys, key, kv.value)
                if vote is not None:
                    found.setdefault(vote[0], {})[vote[1]] = vote[2]
        return found

    def fresh_cores(self, head: int = 0) -> frozenset[bytes]:
        """Cores of the policy (as written in keys) whose status is younger than 5 s, and says at least that head."""
        policy = self.policy()
        if policy is None:
            return frozenset()
        now_ns = time.time_ns()
        fresh = set()
        for core in policy.cores:
            kv = self._kvs.get(self._keys.status(core))
            status = None if kv is None else reading.status(kv.value)
            if status is not None and now_ns - status.time_ns < FRESH_STATUS_S * 1e9 and status.head >= head:
                fresh.add(escaped(core))
        return frozenset(fresh)

    def statuses(self) -> list[tuple[Status, pb.KeyValue]]:
        """Each core's status, and the key that it stands in."""
        prefix = self._keys.status_prefix
        found = [(reading.status(kv.value), kv) for key, kv in self._kvs.items() if key.startswith(prefix)]
        return [(status, kv) for status, kv in found if status is not None]

    async def _poll_always(self) -> None:
        while True:
            try:
                await self.poll()
            except EtcdError as error:
                log.warning("the cell's keys could not be read; trying again", error=str(error))
            await asyncio.sleep(POLL_S)

    async def _watch_always(self, key: bytes, end: bytes) -> None:
        while True:
            try:
                if not self._revision:
                    await self.poll()
                async for batch in self._client.watch(key, end, self._revision + 1):
                    self._take_events(batch)
            except WatchBrokenError as error:
                log.info("a watch of the cell's keys broke; polling goes on", error=str(error))
            except EtcdError as error:
                log.warning("the cell's keys could not be watched; trying again", error=str(error))
            await asyncio.sleep(POLL_S)

    def _take_events(self, events: Iterable[pb.Event]) -> None:
        changed = False
        for event in events:
            kv = event.kv
            known = self._kvs.get(kv.key)
            # What a later poll already showed must not be undone by an event that arrives afterwards.
            if kv.mod_revision <= self._revision or (known is not None and known.mod_revision >= kv.mod_revision):
                continue
            if event.type == pb.Event.DELETE:
                self._kvs.pop(kv.key, None)
            else:
                self._kvs[kv.key] = kv
            self._newest_event = max(self._newest_event, kv.mod_revision)
            changed = True
        if changed:
            self._note_change()

    def _note_change(self) -> None:
        if self._keys.leader in self._kvs:
            self.leader_gone_at = None
        elif self.leader_gone_at is None:
            self.leader_gone_at = time.monotonic()
        self.handover_age_s()
        self._tell_unreadable()
        self._change.set()
        self._change = asyncio.Event()

    def _tell_unreadable(self) -> None:
        found = reading.unreadable(self._keys, {key: kv.value for key, kv in self._kvs.items()})
        told = {(key, self._kvs[key].mod_revision) for key in found}
        for key, revision in sorted(told - self._unreadable):
            log.error(
                "a key cannot be read; an operator must look at it (docs/protocol.md, section 2)",
                key=key.decode(errors="backslashreplace"), revision=revision, value=repr(self._kvs[key].value[:200]),
            )  # fmt: skip
        self._unreadable = told

    @property
    def unreadable(self) -> int:
        """How many keys of the cell cannot be read."""
        return len(self._unreadable)
