"""Putting a journal from segments into an empty log, as test environments want it."""

from collections.abc import Iterator
from pathlib import Path

from dingli_etcd import Client
from dingli_etcd.operations import is_absent, put

from dingli_core.exceptions import CoreError
from dingli_core.keys import Keys
from dingli_core.replica import Replica
from dingli_core.segments import read_segment

__all__ = ["LoadRefusedError", "load_segments"]

# etcd takes 128 operations and 1.5 MiB in one transaction.
MOST_ENTRIES = 100
MOST_BYTES = 1_000_000


class LoadRefusedError(CoreError):
    """Nothing was loaded, or the same command goes on where it ended."""


async def load_segments(client: Client, keys: Keys, cell: str, folder: Path) -> dict[str, str | int]:
    """Executes the segments' entries from 1 on, comparing hashes, then writes those that the log does not hold.

    The log must be empty, or hold a beginning of these same entries, and nobody may lead.
    """
    entries = _read(folder, cell)
    replica = Replica(cell)
    for raw in entries:
        replica.apply_raw(raw, lambda _: None)
    await _require_loadable(client, keys, entries)
    for batch in _batches(entries):
        absent = [is_absent(keys.leader), *(is_absent(keys.log(n)) for n, _ in batch)]
        written = await client.txn(absent, [put(keys.log(n), raw) for n, raw in batch])
        if not written.succeeded:
            await _require_same(client, keys, batch)
    return {"loaded": len(entries), "hash": replica.machine.hash.hex()}


def _read(folder: Path, cell: str) -> list[bytes]:
    entries: list[bytes] = []
    for path in sorted(folder.glob("*.segment")):
        first, found = read_segment(path, cell)
        if first != len(entries) + 1:
            raise LoadRefusedError(f"{path}: begins with entry {first}, expected {len(entries) + 1}")
        entries += found
    if not entries:
        raise LoadRefusedError(f"no segments in {folder}")
    return entries


async def _require_loadable(client: Client, keys: Keys, entries: list[bytes]) -> None:
    if (await client.range(keys.leader)).kvs:
        raise LoadRefusedError("a core leads this cell: stop its cores first")
    if (await client.range(keys.log(len(entries) + 1), keys.log_end, limit=1, keys_only=True)).kvs:
        raise LoadRefusedError("the log holds other entries already: segments go into an empty one only")


async def _require_same(client: Client, keys: Keys, batch: list[tuple[int, bytes]]) -> None:
    """The batch was written before, by a run that was ended."""
    first, last = batch[0][0], batch[-1][0]
    found = (await client.range(keys.log(first), keys.log(last + 1))).kvs
    if [(kv.key, kv.value) for kv in found] != [(keys.log(n), raw) for n, raw in batch]:
        raise LoadRefusedError(f"the log holds other entries among {first} to {last}, or a core leads now")


def _batches(entries: list[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    for n, raw in enumerate(entries, start=1):
        if batch and (len(batch) == MOST_ENTRIES or size + len(raw) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((n, raw))
        size += len(raw)
    yield batch
