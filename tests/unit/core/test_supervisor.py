"""The supervisor hears of every lease, however many there are in a core's life; no core outlives it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

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


def test_a_core_whose_supervisor_died_before_the_kernel_was_asked_ends_at_once() -> None:
    program = "from dingli_core.supervisor import die_with_parent; import time; die_with_parent(1); time.sleep(60)"
    paths = [str(Path(__file__).resolve().parents[3] / "app" / part) for part in ("core", "etcd")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "the supervisor, process 1, is gone" in done.stderr
