"""A leader that nobody asks anything."""

from collections.abc import Callable
from itertools import pairwise

from dingli_core.entry import decode_entry

from tests.live.core.harness import PREFIX, Cell, until

RunIn = Callable[[Callable[[Cell], object]], None]


def test_an_idle_leader_writes_a_tick_every_200_ms_however_often_the_cells_keys_change(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        core = await cell.core("a/main", {"a/main": "automatic"})
        await until(lambda: cell.leads(core))
        first = len(await cell.log())

        async def ten_ticks() -> bool:
            await cell.client.put(PREFIX + b"status/b:main", b"{}")
            return len(await cell.log()) >= first + 11

        await until(ten_ticks)
        times = [decode_entry(raw).time for _, raw in (await cell.log())[first:]]
        apart_ms = [(later - earlier) / 1e6 for earlier, later in pairwise(times)]
        assert 195 <= min(apart_ms) < 300  # others may be later: the machine has other things to do

    in_a_cell(scenario)
