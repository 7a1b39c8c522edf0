"""The journal member of a site loses its disk while members trade: named, brought back by one command, nothing lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dingli.cell import observe, remote, wait_until
from dingli.environment import Environment, load
from drills.checker.check import Verdict
from tests.live.drills.trading import Trading

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
HOST, CELL = "dr-1", "alpha"
LOSE = "sh -c 'systemctl stop etcd; rm -rf /var/lib/etcd/dingli/member; systemctl start --no-block etcd'"


@pytest.fixture
def lab() -> Environment:
    return load("lab")


@pytest.fixture
def trading(lab: Environment) -> Iterator[Trading]:
    members = Trading(lab, "lost-member", 90, rate=60)
    yield members
    members.stop()


def rejoin(*words: str) -> tuple[int, dict[str, Any]]:
    command = ["dingli", "rejoin", "lab", HOST, "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, json.loads(done.stdout)


def test_a_member_without_its_disk_comes_back_while_orders_flow(
    lab: Environment, trading: Trading, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rejoin("--dry-run") == (
        0,
        {"result": "nothing to do", "host": HOST, "steps": [], "seconds": None, "evidence": None},
    )
    trading.begin()
    remote.run(lab, HOST, LOSE)
    wait_until(
        lab, CELL, lambda view: None if view.members_down == [HOST] else "its loss is not seen yet", timeout_s=60
    )

    status, said = rejoin("--yes")
    with capsys.disabled():
        print(f"\n{said['seconds']} s until the member had a vote again")
    assert (status, said["result"]) == (0, "done"), said
    assert observe(lab, CELL).members_down == []
    remote.run(lab, HOST, "systemctl restart etcd")  # the next start is a normal one, with what the disk has now
    wait_until(lab, CELL, lambda view: ", ".join(view.members_down) or None, timeout_s=60)

    trading.end()
    report = trading.judged()
    assert (report.verdict, report.lost, report.findings) == (Verdict.PASS, [], []), report.why
