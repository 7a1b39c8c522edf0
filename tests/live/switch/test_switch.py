"""A planned switch to the standby site and back, as an operator types it; and one that is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dingli import ssh
from dingli.cell import hand_over, observe
from dingli.environment import Environment, load
from dingli.evidence import Store

ROOT = Path(__file__).resolve().parents[3]
DINGLI = str(Path(sys.executable).parent / "dingli")
HOME, STANDBY, REMOTE = "primary-1/main", "standby-1/minimal", "dr-1/main"
SERVICE = "dingli-core@alpha.service"


@pytest.fixture(scope="module")
def lab() -> Iterator[Environment]:
    environment = load("lab")
    hand_over(environment, "alpha", HOME)
    yield environment
    if observe(environment, "alpha", members=False).leader != HOME:
        hand_over(environment, "alpha", HOME)


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the JSON object of a command."""
    done = subprocess.run([DINGLI, *arguments, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("{"), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, said


def switch(to: str, *options: str) -> tuple[int, dict[str, Any]]:
    return run("switch", "alpha", "--to", to, "--env", "lab", "--reason", "a test", *options)


def test_leadership_goes_to_the_standby_site_and_back_and_each_gap_is_measured(lab: Environment) -> None:
    for to, core in (("standby", STANDBY), (HOME, HOME)):
        epoch = observe(lab, "alpha", members=False).epoch

        code, said = switch(to, "--yes")

        assert (code, said["result"]) == (0, "done"), said
        outcome = said["outcome"]
        assert outcome["leader"] == core
        assert outcome["epoch"] > epoch
        assert outcome["gap"]["before"] < outcome["gap"]["after"]
        assert 0 < outcome["gap"]["seconds"] < 10
        newest = Store.of("lab").folders()[-1]
        assert (newest.kind, str(newest.path)) == ("switch", said["evidence"])
        assert json.loads((newest.path / "report.json").read_text())["reason"] == "a test"


def test_a_target_that_is_stopped_is_refused_and_nothing_is_touched(lab: Environment) -> None:
    before = observe(lab, "alpha", members=False)
    with ssh.connect(ssh.target(lab, REMOTE.split("/")[0])) as host:
        host.run(f"sudo -n systemctl stop {SERVICE}")
        try:
            code, said = switch(REMOTE, "--accept-remote", "--yes")
            _, picture = run("status", "lab")
        finally:
            host.run(f"sudo -n systemctl start {SERVICE}")
    assert (code, said["result"]) == (1, "refused"), said
    assert f"{REMOTE}: does not run: its service is inactive" in said["decision"]["refusals"]
    assert f"alpha: {REMOTE} does not run: its service is inactive" in picture["problems"]
    after = observe(lab, "alpha", members=False)
    assert (after.leader, after.epoch) == (before.leader, before.epoch)
    until_allowed(REMOTE)


def until_allowed(core: str) -> None:
    """Until the core could be switched to again: it reads the whole log first."""
    deadline = time.monotonic() + 120
    while True:
        code, said = switch(core, "--accept-remote", "--dry-run")
        if code == 0:
            return
        assert time.monotonic() < deadline, said["decision"]["refusals"]
        time.sleep(1)
