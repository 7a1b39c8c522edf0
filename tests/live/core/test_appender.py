"""The fence: what a transaction writes, and what it never writes, against a real etcd."""

import asyncio
from collections.abc import Callable

import pytest
from dingli_core.appender import Appender, Batch, MissingEntryError, Pending
from dingli_core.commands import TICK, Tick, encode_command
from dingli_core.exceptions import LeadershipLostError, QuarantineError
from dingli_core.keys import Keys
from dingli_core.machine import Machine

from tests.live.core.harness import PREFIX, Cell, Wire, until

RunIn = Callable[[Callable[[Cell], object]], None]
KEYS = Keys("alpha")


class Writer:
    """An appender with the machine it feeds, leading an epoch of its own."""

    def __init__(self, cell: Cell, epoch: int) -> None:
        self.machine = Machine("alpha")
        self.appender = Appender(cell.client, KEYS, self.machine, 1, epoch, lambda: 1_000)

    def build(self) -> Batch:
        return self.appender.build([Pending(encode_command(Tick(TICK, 0)), Tick(TICK, 0), None)])

    async def append(self) -> Batch:
        batch = self.build()
        await self.appender.commit(batch)
        self.machine.apply(batch.entry, batch.raw, batch.commands)
        return batch


async def leader(cell: Cell) -> Writer:
    await until(lambda: cell.client.put(PREFIX + b"x", b""))
    return Writer(cell, await cell.client.put(KEYS.leader, b"{}"))


async def numbers(cell: Cell) -> list[int]:
    return [n for n, _ in await cell.log()]


def test_the_same_bytes_again_are_committed_once(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        writer = await leader(cell)
        batch = await writer.append()
        await writer.appender.commit(batch)
        await writer.append()
        assert await numbers(cell) == [1, 2]

    in_a_cell(scenario)


@pytest.mark.parametrize("successor", [False, True])
def test_nothing_is_written_once_the_leader_key_is_not_its_own(in_a_cell: RunIn, successor: bool) -> None:
    async def scenario(cell: Cell) -> None:
        writer = await leader(cell)
        await writer.append()
        await cell.client.delete(KEYS.leader)
        if successor:
            await cell.client.put(KEYS.leader, b"{}")
        with pytest.raises(LeadershipLostError):
            await writer.append()
        assert await numbers(cell) == [1]

    in_a_cell(scenario)


def test_an_entry_that_arrives_after_leadership_ended_is_refused(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        writer = await leader(cell)
        await writer.append()
        async with Wire(cell.etcd.port) as wire:
            late = Writer(cell, writer.appender.epoch)
            late.machine = writer.machine
            wire.flowing.clear()
            slow = await cell.connect(wire.url)
            late.appender = Appender(slow, KEYS, writer.machine, 1, writer.appender.epoch, lambda: 1_000)
            append = asyncio.create_task(late.append())
            await cell.client.delete(KEYS.leader)
            wire.flowing.set()
            with pytest.raises(LeadershipLostError):
                await append
            await slow.close()
        assert await numbers(cell) == [1]

    in_a_cell(scenario)


def test_foreign_bytes_under_its_own_leadership_are_a_defect(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        writer = await leader(cell)
        await cell.client.put(KEYS.log(1), b"foreign")
        with pytest.raises(QuarantineError):
            await writer.append()
        assert await cell.log() == [(1, b"foreign")]

    in_a_cell(scenario)


def test_nothing_is_written_behind_a_hole(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        writer = await leader(cell)
        await writer.append()
        await cell.client.delete(KEYS.log(1))
        with pytest.raises(MissingEntryError):
            await writer.append()
        assert await numbers(cell) == []

    in_a_cell(scenario)
