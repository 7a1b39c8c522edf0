"""Removing the oldest entries of the log, under conditions that are looked at here again, whoever asks."""

import asyncio
import time
from typing import NamedTuple

from dingli_etcd import Client, DefiniteError

from dingli_core.entry import Entry, decode_entry
from dingli_core.exceptions import CoreError
from dingli_core.keys import Keys, escaped
from dingli_core.reading import log_number
from dingli_core.view import CellView

__all__ = ["KEPT_ENTRIES", "Trim", "TrimRefusedError", "trim"]

KEPT_ENTRIES = 1_000
STEP_ENTRIES = 500
# Other transactions go in between.
BREATH_S = 0.05
READ_TIMEOUT_S = 10.0


class TrimRefusedError(CoreError):
    """A condition does not hold; nothing was removed."""


class Trim(NamedTuple):
    """Remove entries 1 to `to`; `hash` is H(to) as the archive has it."""

    to: int
    hash: bytes
    older_than_s: int


async def trim(client: Client, keys: Keys, view: CellView, wanted: Trim) -> dict[str, int]:
    """Removes from the beginning on, so that whatever ends this leaves a log without holes. May be done again."""
    await view.poll()
    if (problem := _problem_of_cell(view, wanted.to)) is not None:
        raise TrimRefusedError(problem)
    following = await _entry(client, keys, wanted.to + 1)
    if following is None or following.previous_hash != wanted.hash:
        found = "is missing" if following is None else "follows another hash than the archive has"
        raise TrimRefusedError(f"entry {wanted.to + 1} {found}: this is not the journal that was archived")
    age_s = (time.time_ns() - following.time) // 1_000_000_000
    if age_s < wanted.older_than_s:
        raise TrimRefusedError(f"entry {wanted.to} is about {age_s} s old, younger than {wanted.older_than_s} s")
    return await _remove(client, keys, wanted.to)


def _problem_of_cell(view: CellView, to: int) -> str | None:
    policy = view.policy()
    if policy is None or not policy.cores:
        return "there is no policy that names the cell's cores"
    if view.leader() is None or view.halted() or view.votes():
        return "the cell is not well: nobody leads, it is halted, or hashes are being voted on"
    barred = [core for core in policy.cores if view.quarantined(core)]
    if barred:
        return f"quarantined: {', '.join(barred)}"
    behind = {escaped(core) for core in policy.cores} - view.fresh_cores(to + KEPT_ENTRIES)
    if behind:
        cores = ", ".join(sorted(core.decode() for core in behind))
        return f"not known to have executed entry {to + KEPT_ENTRIES}: {cores}"
    return None


async def _entry(client: Client, keys: Keys, n: int) -> Entry | None:
    found = (await client.range(keys.log(n))).kvs
    return decode_entry(found[0].value) if found else None


async def _remove(client: Client, keys: Keys, to: int) -> dict[str, int]:
    page = await client.range(keys.log(0), keys.log(to + 1), limit=1, keys_only=True, timeout_s=READ_TIMEOUT_S)
    first = log_number(keys, page.kvs[0].key) or 1 if page.kvs else to + 1
    removed = 0
    for begin in range(first, to + 1, STEP_ENTRIES):
        end = min(begin + STEP_ENTRIES, to + 1)
        removed += await client.delete(keys.log(begin), keys.log(end))
        await asyncio.sleep(BREATH_S)
    revision = (await client.range(keys.log(to + 1), keys_only=True)).header.revision
    if removed:
        try:
            await client.compact(revision)  # before that they take as much room as ever
        except DefiniteError as error:
            if "compacted" not in error.details:  # somebody has done it up to a later revision
                raise
    return {"removed": removed, "begins": to + 1, "revision": revision}
