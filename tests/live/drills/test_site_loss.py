"""The primary site loses power while members trade: another core takes over, nothing is lost, leadership goes home."""

from __future__ import annotations

import signal

import pytest

from dingli.cell import observe
from dingli.environment import Environment
from dingli.evidence import Store
from tests.live.drills.conftest import begin, run, until_done


def test_a_minimal_core_takes_over_and_nothing_is_lost(lab: Environment) -> None:
    # The emulated one is asked 150 ms later, and wins where the machine is busy.
    report = run("site_loss", "--load", "40")
    assert report["taken_over_by"] in ("standby-1/minimal", "standby-2/minimal")
    assert (report["rpo_commands"], report["rpo_ids"]) == (0, [])
    assert set(report["member_rto_s"]) == set(lab.cells["alpha"].members)
    assert observe(lab, "alpha").leader == "primary-1/main"
    newest = Store.of("lab").folders()[-1]
    assert (newest.path / "report.html").stat().st_size > 5_000
    assert newest.kind == "drill"


@pytest.mark.long
def test_an_interrupted_drill_leaves_no_fault_behind(lab: Environment) -> None:
    process = begin("site_loss", "--off", "60")
    until_done(process, "site-loses-power")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=300)
    assert process.returncode != 0, rest
    view = observe(lab, "alpha")
    assert (view.leader, view.members_down) == ("primary-1/main", []), rest
