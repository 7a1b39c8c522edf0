"""Entries follow each other at a pace, so that what an entry costs is shared by many commands."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

from dingli_core.commands import NEW_ORDER, SessionCommand, decode_command
from dingli_core.entry import decode_entry
from dingli_core.leading import PACE_S

from tests.live.core.harness import Cell, until

RunIn = Callable[[Callable[[Cell], object]], None]
ORDERS = 60


def test_orders_that_come_faster_than_the_pace_share_entries(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        leader = await cell.core("a/main", {"a/main": "automatic"})
        await until(lambda: cell.leads(leader))
        gateway = await cell.gateway(1)
        gateway.logon()
        seqs = []
        for _ in range(ORDERS):
            seqs.append(gateway.order())
            await asyncio.sleep(0.001)
        for seq in seqs:
            await until(lambda seq=seq: gateway.acknowledged(seq))  # type: ignore[misc]
        entries = [decode_entry(raw) for _, raw in await cell.log()]
        commands = [[decode_command(one) for one in entry.commands] for entry in entries]
        orders = [
            [one for one in some if isinstance(one, SessionCommand) and one.kind == NEW_ORDER] for some in commands
        ]
        carrying = [entry for entry, some in zip(entries, orders, strict=True) if some]
        assert sum(map(len, orders)) == ORDERS
        # The loop's timers count whole milliseconds, so an entry may leave one early.
        closest_s = min((later.time - earlier.time) / 1e9 for earlier, later in pairwise(carrying))
        assert closest_s >= PACE_S - 0.002

    in_a_cell(scenario)
