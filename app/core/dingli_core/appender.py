"""Writing entries: one transaction in flight, fenced by the leader key (docs/protocol.md, section 8)."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog
from dingli_etcd import Client, EtcdError
from dingli_etcd import etcd_pb2 as pb
from dingli_etcd.operations import create_revision_is, exists, get, is_absent, put

from dingli_core.commands import Command
from dingli_core.entry import COMMAND_OVERHEAD_BYTES, HEADER_BYTES, MAX_ENTRY_BYTES, Entry, encode_entry
from dingli_core.exceptions import LeadershipLostError, QuarantineError
from dingli_core.keys import Keys
from dingli_core.machine import Machine

__all__ = ["MAX_BATCH_COMMANDS", "Appender", "Batch", "MissingEntryError", "Pending", "gather"]

RETRY_S = 0.01
# Bytes alone would let four thousand commands into one entry: long enough, on a slow core, to look like a hang.
MAX_BATCH_COMMANDS = 256
log = structlog.get_logger()


class Pending(NamedTuple):
    """A command that waits for its batch. `link` is the gateway's link that submitted it; None for the core's own."""

    encoded: bytes
    command: Command
    link: object


class Batch(NamedTuple):
    entry: Entry
    raw: bytes
    commands: list[Command]
    links: list[object]


class MissingEntryError(LeadershipLostError):
    """The entry before the next one is not in the log any more: nothing may be written behind a hole."""


def gather(queue: deque[Pending]) -> list[Pending]:
    """Takes from the queue, in order, what fits into one entry."""
    taken: list[Pending] = []
    size = HEADER_BYTES
    while queue and len(taken) < MAX_BATCH_COMMANDS:
        size += COMMAND_OVERHEAD_BYTES + len(queue[0].encoded)
        if size > MAX_ENTRY_BYTES:
            break
        taken.append(queue.popleft())
    return taken


class Appender:
    """Appends for one epoch. `clock_ns` tells the wall clock."""

    def __init__(
        self, client: Client, keys: Keys, machine: Machine, generation: int, epoch: int, clock_ns: Callable[[], int]
    ) -> None:
        self._client = client
        self._keys = keys
        self._machine = machine
        self._generation = generation
        self.epoch = epoch
        self._clock_ns = clock_ns
        self.last_commit_s = 0.0

    def build(self, pending: list[Pending]) -> Batch:
        """The next entry: only ever built when the one before is committed and executed."""
        machine = self._machine
        entry = Entry(
            self._generation,
            self.epoch,
            machine.head + 1,
            secrets.token_bytes(16),
            max(self._clock_ns(), machine.time + 1),
            machine.hash,
            tuple(item.encoded for item in pending),
        )
        return Batch(entry, encode_entry(entry), [item.command for item in pending], [item.link for item in pending])

    async def commit(self, batch: Batch) -> None:
        """Returns when the batch is in the log. Raises LeadershipLostError or QuarantineError when it never will be.

        Without a definite answer the identical bytes are sent again, through another member if need be.
        """
        n = batch.entry.n
        key = self._keys.log(n)
        compare = [create_revision_is(self._keys.leader, self.epoch), is_absent(key)]
        if n > 1:
            compare.append(exists(self._keys.log(n - 1)))
        success, failure = [put(key, batch.raw)], [get(self._keys.leader), get(key)]
        started = time.perf_counter()
        while True:
            try:
                response = await self._client.txn(compare, success, failure)
                break
            except EtcdError as error:
                # A definite refusal settles this try only; an earlier one of unknown outcome may still arrive.
                log.warning("append: no definite answer; the same bytes go again", n=n, error=str(error))
                await asyncio.sleep(RETRY_S)
        self.last_commit_s = time.perf_counter() - started
        if not response.succeeded:
            self._judge(batch, response)

    def _judge(self, batch: Batch, response: pb.TxnResponse) -> None:
        n = batch.entry.n
        leaders, entries = (part.response_range.kvs for part in response.responses)
        if entries and entries[0].value == batch.raw:
            return
        if not leaders or leaders[0].create_revision != self.epoch:
            raise LeadershipLostError(f"entry {n} was not written: epoch {self.epoch} does not lead any more")
        if not entries:
            raise MissingEntryError(f"entry {n} cannot be written: entry {n - 1} is missing from the log")
        raise QuarantineError(n, f"entry {n} holds foreign bytes under this core's epoch {self.epoch}")
