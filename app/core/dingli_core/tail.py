"""Following the log: ranges, then a watch, and a range again at any doubt (docs/protocol.md, section 9)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from dingli_etcd import Client, EtcdError, OutcomeUnknownError, WatchBrokenError
from dingli_etcd import etcd_pb2 as pb

from dingli_core.keys import Keys
from dingli_core.reading import log_number
from dingli_core.replica import Replica
from dingli_core.segments import Segments

__all__ = ["LogTail"]

PAGE_ENTRIES = 500
SILENCE_S = 0.3
RETRY_S = 0.05
# Replaying must not starve the renewal of the lease, which needs the loop several times.
BUSY_S = 0.010
BREATH_S = 0.001
# A page of 500 entries may be 125 MiB: far more than fits into one call's ordinary deadline.
PAGE_TIMEOUT_S = 5.0
log = structlog.get_logger()


class LogTail:
    """Feeds a replica. `apply` executes raw entry head + 1, waiting out disputes; `progress` is called at each look."""

    def __init__(
        self,
        client: Client,
        keys: Keys,
        replica: Replica,
        apply: Callable[[bytes], Awaitable[None]],
        progress: Callable[[], None],
        segments: Segments | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._replica = replica
        self._apply = apply
        self._progress = progress
        self._segments = segments
        self._busy_since = 0.0
        self._page = PAGE_ENTRIES
        self._told: set[bytes] = set()
        self.read_once = False
        """The log has been read to its end since the start of this process."""

    async def follow(self) -> None:
        """Until cancelled, or until `apply` raises."""
        while True:
            try:
                revision = await self.catch_up()
                await self._watch(revision + 1)
            except WatchBrokenError as error:
                log.info("the watch of the log broke; reading a range", error=str(error), head=self._replica.head)
            except EtcdError as error:
                log.warning("the log could not be read; trying again", error=str(error), head=self._replica.head)
                await asyncio.sleep(RETRY_S)

    async def catch_up(self) -> int:
        """Applies everything by linearizable ranges, and from segments what they lack. The last response's revision."""
        self._busy_since = time.monotonic()
        beyond: bytes | None = None
        while True:
            response = await self._read_page(beyond)
            self._progress()
            kvs = self._entries(response)
            if kvs:
                newest = kvs[-1][0] + response.more
                self._replica.newest_known = max(self._replica.newest_known, newest)
            # A page full of keys that are no entries does not move the head: the next one begins behind it.
            beyond = response.kvs[-1].key + b"\0" if response.more and not kvs else None
            gap = False
            for n, value in kvs:
                gap = n != self._replica.head + 1
                if gap:
                    break
                await self._apply_in_turn(value)
            if gap and not await self._bridge():
                return response.header.revision
            if not gap and not response.more:
                self.read_once = True
                return response.header.revision

    async def _bridge(self) -> bool:
        """Applies what a segment holds of the entries that the log does not have any more; False if none does."""
        if self._segments is None:
            return False
        entries = await asyncio.to_thread(self._segments.read, self._replica.head + 1)
        for raw in entries:
            await self._apply_in_turn(raw)
        return bool(entries)

    async def _apply_in_turn(self, raw: bytes) -> None:
        await self._apply(raw)
        self._progress()
        if time.monotonic() - self._busy_since > BUSY_S:
            await asyncio.sleep(BREATH_S)
            self._busy_since = time.monotonic()

    def _entries(self, response: pb.RangeResponse) -> list[tuple[int, bytes]]:
        """Numbers and values of a page's entries; other keys below `log/` are told of and left out."""
        found = [(log_number(self._keys, kv.key), kv) for kv in response.kvs]
        for n, kv in found:
            if n is None:
                self._tell(kv)
        return [(n, kv.value) for n, kv in found if n is not None]

    def _tell(self, kv: pb.KeyValue) -> None:
        if kv.key not in self._told:
            self._told.add(kv.key)
            log.error("a key below log/ is no entry's; it is left out", key=kv.key.decode(errors="backslashreplace"))

    async def _read_page(self, beyond: bytes | None) -> pb.RangeResponse:
        start = beyond or self._keys.log(self._replica.head + 1)
        started = time.monotonic()
        try:
            response = await self._client.range(
                start, self._keys.log_end, limit=self._page, timeout_s=max(PAGE_TIMEOUT_S, self._client.timeout_s)
            )
        except OutcomeUnknownError:
            self._page = max(1, self._page // 2)
            raise
        # An etcd that was away says nothing about the size of a page: one entry at a time would never catch up.
        if time.monotonic() - started < PAGE_TIMEOUT_S / 4:
            self._page = min(PAGE_ENTRIES, 2 * self._page)
        return response

    async def _watch(self, start_revision: int) -> None:
        """Returns on a gap, or after 300 ms without an entry."""
        batches = self._client.watch(self._keys.log_prefix, self._keys.log_end, start_revision)
        last_entry = time.monotonic()
        try:
            while True:
                remaining = last_entry + SILENCE_S - time.monotonic()
                async with asyncio.timeout(max(0.0, remaining)):
                    batch = await anext(batches)
                for event in batch:
                    if event.type == pb.Event.DELETE:
                        continue
                    if not await self._take(event.kv):
                        return
                    last_entry = time.monotonic()
                self._progress()
        except TimeoutError:
            return
        finally:
            await batches.aclose()  # type: ignore[attr-defined]

    async def _take(self, kv: pb.KeyValue) -> bool:
        """False on a gap."""
        n = log_number(self._keys, kv.key)
        if n is None:
            self._tell(kv)
            return True
        if n <= self._replica.head:
            return True
        self._replica.newest_known = max(self._replica.newest_known, n)
        if n > self._replica.head + 1:
            return False
        await self._apply(kv.value)
        return True
