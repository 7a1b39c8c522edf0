"""Main core, minimal core and the checker's reference execute the same random journal, and agree on every byte of
every entry's results.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dingli_core.entry import decode_entry
from dingli_core.machine import Machine as MainCore
from dingli_minicore.machine import Machine as MinimalCore

from drills.checker.stream import RandomStream

COMMANDS = 100_000
SEEDS = range(25)
Step = Callable[[bytes], bytes]


def main_core() -> Step:
    """Executes an entry with the main core; gives its rolling hash."""
    machine = MainCore("alpha")

    def step(raw: bytes) -> bytes:
        machine.apply(decode_entry(raw), raw)
        return bytes(machine.hash)

    return step


def minimal_core() -> Step:
    """The same with the minimal core."""
    machine = MinimalCore("alpha")

    def step(raw: bytes) -> bytes:
        machine.apply(raw)
        return bytes(machine.hash)

    return step


@pytest.mark.parametrize("seed", SEEDS)
def test_all_implementations_agree(seed: int) -> None:
    stream = RandomStream(seed)
    steps = {"main": main_core(), "minimal": minimal_core()}
    for raw in stream.entries(COMMANDS // len(SEEDS)):
        expected = stream.journal.reference.hash
        for name, step in steps.items():
            assert step(raw) == expected, f"seed {seed}, entry {stream.journal.reference.head}: {name} differs"
