"""What an operator does to a cell by hand: halt and resume, quarantine and release, and what `status` tells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.core.builds import patient_build
from tests.live.core.harness import Cell, CoreProcess, until

TWO = {"a/main": "automatic", "b/main": "automatic"}
RunIn = Callable[[Callable[[Cell], object]], None]


def refuses(core: CoreProcess, reason: str, *arguments: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        core.ctl(*arguments)


async def following(cell: Cell, core: CoreProcess) -> None:
    async def ready() -> bool:
        status = await cell.value("status/" + core.id.replace("/", ":"))
        return status is not None and status["role"] == "follower"

    await until(ready)


def test_a_halted_cell_has_no_leader_until_it_is_resumed_and_then_the_preferred_one(
    in_a_cell: RunIn, tmp_path: Path
) -> None:
    async def scenario(cell: Cell) -> None:
        patient = patient_build(tmp_path / "patient")
        second = await cell.core("b/main", TWO, program=patient)
        await until(lambda: cell.leads(second))
        first = await cell.core("a/main", TWO, program=patient)
        await following(cell, first)
        refuses(first, "is not halted", "resume", "--reason", "nothing to resume")
        first.ctl("halt", "--reason", "prices are wrong")
        refuses(first, "halted already", "halt", "--reason", "a second time")

        await until(cell.nobody_leads)
        said = json.loads(first.ctl("status"))
        assert (said["halted"], said["halt"]["reason"]) == (True, "operator: prices are wrong")
        await cell.client.put(b"/dingli/v1/alpha/votes/%016x/a:main" % 3, b"00")
        assert "leadership is handed to a/main" in first.ctl("resume", "--reason", "prices are right")
        await until(lambda: cell.leads(first))
        assert json.loads(first.ctl("status"))["halt"] is None
        assert not (await cell.client.range(b"/dingli/v1/alpha/votes/", b"/dingli/v1/alpha/votes0")).kvs

    in_a_cell(scenario)


def test_a_core_that_an_operator_quarantines_gives_leadership_away_until_released(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        first = await cell.core("a/main", TWO)
        await until(lambda: cell.leads(first))
        second = await cell.core("b/main", TWO)
        first.ctl("quarantine", "a/main", "--reason", "its memory is doubted")
        await until(lambda: cell.leads(second), 30)
        assert json.loads(second.ctl("status"))["quarantined"] == ["a/main"]
        first.ctl("unquarantine", "a/main")
        assert json.loads(second.ctl("status"))["quarantined"] == []

    in_a_cell(scenario)


def test_status_states_the_journals_hash_for_each_cores_head(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        first = await cell.core("a/main", TWO)
        await until(lambda: cell.leads(first))
        await cell.core("b/main", TWO)

        async def compared() -> bool:
            said = json.loads(first.ctl("status"))
            hashes = {core: status["hash"] for core, status in said["cores"].items()}
            return len(hashes) == 2 and said["claims"] == hashes

        await until(compared, 30)

    in_a_cell(scenario)
