"""The primary site loses power while members trade: another core takes over, nothing is lost, leadership goes home."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dingli.cell import hand_over, observe
from dingli.environment import Environment, load
from dingli.evidence import Store

ROOT = Path(__file__).resolve().parents[3]
DINGLI = str(Path(sys.executable).parent / "dingli")


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture(autouse=True)
def at_home(lab: Environment) -> None:
    """Earlier tests restart hosts and services, after which another core may lead; a drill refuses to start then."""
    hand_over(lab, "alpha", "primary-1/main", timeout_s=60)


def begin(*arguments: str) -> subprocess.Popen[str]:
    """A drill, as a user types it."""
    command = [DINGLI, "drill", "site_loss", "lab", "--yes", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(*arguments: str) -> dict[str, Any]:
    """The report of a drill that ran to its end."""
    process = begin("--json", *arguments)
    output, _ = process.communicate(timeout=900)
    start = output.find("\n{\n")
    assert start >= 0, output[-3000:]
    report: dict[str, Any] = json.loads(output[start:])
    assert report["verdict"] == "pass", (report["reasons"], output[-3000:])
    return report


@pytest.mark.parametrize("core", ["standby-1/minimal", "standby-2/minimal"])
def test_a_minimal_core_takes_over_and_nothing_is_lost(lab: Environment, core: str) -> None:
    slow = lab.hosts[core.split("/")[0]].emulated
    report = run("--takeover-by", core, *(["--rate", "20", "--load", "150", "--off", "90"] if slow else []))
    assert report["taken_over_by"] == core
    assert (report["rpo_commands"], report["rpo_ids"]) == (0, [])
    assert set(report["member_rto_s"]) == set(lab.cells["alpha"].members)
    assert observe(lab, "alpha").leader == "primary-1/main"
    newest = Store.of("lab").folders()[-1]
    assert (newest.path / "report.html").stat().st_size > 5_000
    assert newest.kind == "drill"


def test_an_interrupted_drill_leaves_no_fault_behind(lab: Environment) -> None:
    process = begin("--off", "60")
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:2] == ["site-loses-power", "succeeded"]:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=300)
    assert process.returncode != 0, rest
    view = observe(lab, "alpha")
    assert (view.leader, view.members_down) == ("primary-1/main", []), rest
