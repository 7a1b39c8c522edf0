"""Who leads the cell: the key `leader` in the journal, watched, and read linearizably every 300 ms in any case."""

import asyncio
import json
import time
from typing import NamedTuple

import structlog
from dingli_etcd import Client, DefiniteError, EtcdError, TlsFiles
from dingli_etcd.exceptions import WatchBrokenError

from dingli_gateway.config import EtcdAccess, parse_address
from dingli_gateway.exceptions import ConfigError

__all__ = ["Leader", "LeaderTracker"]

POLL_S = 0.3
CALL_TIMEOUT_S = 0.3

log = structlog.get_logger()


class Leader(NamedTuple):
    """The leading core as its key says, and the key's create revision, which is the epoch."""

    core: str
    incarnation: str
    host: str
    port: int
    epoch: int


class LeaderTracker:
    """`current` is the leader, or None while there is none; `changed` is set whenever it changes."""

    def __init__(self, access: EtcdAccess, cell: str) -> None:
        tls = None
        if access.ca is not None and access.cert is not None and access.key is not None:
            tls = TlsFiles(access.ca, access.cert, access.key)
        self._client = Client(access.endpoints, tls, CALL_TIMEOUT_S)
        self._key = f"/dingli/v1/{cell}/leader".encode()
        self._read_now = asyncio.Event()
        self._read_started = 0.0
        self.current: Leader | None = None
        self.changed = asyncio.Event()
        self.last_contact = time.monotonic()

    async def run(self) -> None:
        """Keep `current` true until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            tasks.create_task(self._watch())

    async def close(self) -> None:
        """Close the channels to the journal."""
        await self._client.close()

    async def _poll(self) -> None:
        while True:
            self._read_now.clear()
            await self._read()
            try:
                async with asyncio.timeout(POLL_S):
                    await self._read_now.wait()
            except TimeoutError:
                pass

    async def _read(self) -> int:
        """Read the key; the revision of the answer, or 0 where the journal could not be reached."""
        started = time.monotonic()
        try:
            response = await self._client.range(self._key)
        except EtcdError as error:
            level = log.error if isinstance(error, DefiniteError) else log.debug
            level("journal_unreachable", error=str(error))
            return 0
        self.last_contact = time.monotonic()
        if started < self._read_started:
            return 0  # two reads were on their way, and the older one's answer came last
        self._read_started = started
        found = response.kvs[0] if response.kvs else None
        leader = None if found is None else _decode(found.value, found.create_revision)
        if leader != self.current:
            log.info("leader_changed", before=self.current and self.current.core, now=leader and leader.core)
            self.current = leader
            self.changed.set()
        return int(response.header.revision)

    async def _watch(self) -> None:
        """Only a hint that makes the next read come at once: a watch may lose its events."""
        while True:
            revision = await self._read()
            if revision:
                try:
                    async for _ in self._client.watch(self._key, b"", revision + 1):
                        self._read_now.set()
                except (WatchBrokenError, EtcdError) as error:
                    log.debug("watch_broken", error=str(error))
            await asyncio.sleep(POLL_S)


def _decode(value: bytes, epoch: int) -> Leader | None:
    try:
        raw = json.loads(value)
        return Leader(str(raw["core"]), str(raw["incarnation"]), *parse_address(raw["address"]), epoch)
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        log.error("leader_key_unreadable", error=repr(error), value=value.decode(errors="replace"))
        return None
