"""The active core dies, hangs, or hands over, while members trade: nothing is lost, and no other cell feels it."""

from __future__ import annotations

import time

import pytest

from dingli.cell import hand_over, observe, remote
from dingli.environment import Environment
from tests.live.drills.conftest import begin, run, until_done


def test_a_killed_core_is_replaced_within_the_target_and_comes_back(lab: Environment) -> None:
    report = run("core_kill", "--cell", "alpha", "--load", "30")
    assert report["taken_over_by"] == "standby-1/minimal"
    assert report["service_rto_s"] < lab.targets.core_rto_s
    assert report["rpo_commands"] == 0
    assert list(report["other_cells"]) == ["beta"]
    assert observe(lab, "alpha").leader == "primary-1/main"


@pytest.mark.long
def test_a_core_that_hung_writes_nothing_when_it_goes_on(lab: Environment) -> None:
    """In the second cell: drills are for any of them."""
    report = run("core_hang", "--cell", "beta", "--load", "30")
    assert report["taken_over_by"] == "primary-2/minimal"
    assert (report["checker"]["findings"], report["rpo_commands"]) == ([], 0)
    assert "the old core goes on" in [moment["what"] for moment in report["timeline"]]
    assert observe(lab, "beta").leader == "standby-1/main"


@pytest.mark.long
def test_a_switch_there_and_back_stays_within_the_target(lab: Environment) -> None:
    report = run("switch", "--cell", "alpha", "--load", "35")
    assert report["switch_gap_s"] < lab.targets.switch_gap_s
    assert report["rpo_commands"] == 0


@pytest.mark.long
def test_a_drill_that_is_killed_leaves_no_core_stopped(lab: Environment) -> None:
    process = begin("core_hang", "--cell", "beta", "--off", "8", "--load", "20")
    try:
        until_done(process, "core-stops")
        process.kill()
        deadline = time.monotonic() + 40
        while "T" in _states(lab):
            assert time.monotonic() < deadline, "the core on standby-1 is stopped still"
    finally:
        process.kill()
        process.wait()
        remote.run(lab, "ops-1", "systemctl stop 'dingli-load-*' 'dingli-probe-*'")
        hand_over(lab, "beta", "standby-1/main")


def _states(lab: Environment) -> str:
    """Of what runs below the supervisor of beta's core."""
    supervisor = "$(systemctl show --value -p MainPID dingli-core@beta.service)"
    return remote.run(lab, "standby-1", f"ps -o state= --ppid {supervisor}").stdout
