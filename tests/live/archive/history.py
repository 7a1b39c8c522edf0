"""A log that cores find when they start, so that no test has to trade for long."""

from __future__ import annotations

from dingli_etcd.operations import put

from drills.checker.stream import Journal, configure, of_core, of_session, order
from tests.live.core.harness import PREFIX, Cell, until

BOOKED = 60
ONE_TRANSACTION = 100


async def have_history(cell: Cell, entries: int) -> int:
    """Orders that rest, and ticks behind them, before any core runs. Gives M001's next number; its connection is 1."""
    await until(lambda: cell.client.put(PREFIX + b"ready", b"1"), 30)
    journal = Journal(epoch=1)
    journal.append([of_core("EpochStart", core="a/main"), configure()])
    journal.append([of_session("Logon", "M001", 1, 1, heartbeat_s=30, reset=0)])
    for seq in range(2, BOOKED + 2):
        fields = order(f"H{seq}", "12"[seq % 2], 10, (5 + seq % 2) * 100_000)
        journal.append([of_session("NewOrderSingle", "M001", 1, seq, **fields)])
    for _ in range(entries - len(journal.entries)):
        journal.append([of_core("Tick")])
    for at in range(0, entries, ONE_TRANSACTION):
        numbered = enumerate(journal.entries[at : at + ONE_TRANSACTION], start=at + 1)
        await cell.client.txn([], [put(PREFIX + b"log/%016x" % n, raw) for n, raw in numbered])
    return BOOKED + 2
