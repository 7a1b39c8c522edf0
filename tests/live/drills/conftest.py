"""Drills as a user types them, on a lab whose cells are at home."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dingli.cell import hand_over, wait_until
from dingli.environment import Environment, load

ROOT = Path(__file__).resolve().parents[3]
DINGLI = str(Path(sys.executable).parent / "dingli")


@pytest.fixture(scope="session")
def lab() -> Environment:
    return load("lab")


@pytest.fixture(autouse=True)
def at_home(lab: Environment) -> None:
    """Earlier tests restart hosts and services, after which another core may lead; a drill refuses to start then."""
    for cell in lab.cells.values():
        go_home(lab, cell.name)


def go_home(lab: Environment, cell: str) -> None:
    """Whoever asks a cell whose hosts and journal have only just come back has to wait until it can answer."""
    wait_until(lab, cell, lambda now: None if now.leader else "nobody leads", timeout_s=180, members=False)
    hand_over(lab, cell, lab.cells[cell].home.core_id, timeout_s=120)


def begin(drill: str, *arguments: str) -> subprocess.Popen[str]:
    """A drill that runs."""
    command = [DINGLI, "drill", drill, "lab", "--yes", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(drill: str, *arguments: str) -> dict[str, Any]:
    """The report of a drill that ran to its end, and passed."""
    process = begin(drill, "--json", *arguments)
    output, _ = process.communicate(timeout=900)
    start = output.find("\n{\n")
    assert start >= 0, output[-3000:]
    report: dict[str, Any] = json.loads(output[start:])
    assert report["verdict"] == "pass", (report["reasons"], output[-3000:])
    return report


def until_done(process: subprocess.Popen[str], step: str) -> None:
    """Reads on until the drill says that this step succeeded."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:2] == [step, "succeeded"]:
            return
    raise AssertionError(f"the drill ended before {step} succeeded")
