"""The supervisor hears of every lease, however many there are in a core's life."""

import asyncio
import os

from dingli_core.supervisor import Announced, announce_to


def _announce_all(writing: int, leases: range) -> None:
    for lease in leases:
        announce_to(writing, lease)


def test_a_long_life_with_many_leases_never_fills_the_pipe() -> None:
    leases = range(10**18, 10**18 + 20_000)

    async def live() -> list[int]:
        reading, writing = os.pipe()
        announced = Announced(reading)
        asyncio.get_running_loop().add_reader(reading, announced.drain)
        await asyncio.to_thread(_announce_all, writing, leases)
        os.close(writing)
        announced.drain()
        os.close(reading)
        return announced.newest_first()

    assert asyncio.run(asyncio.wait_for(live(), 20)) == list(reversed(leases[-8:]))
