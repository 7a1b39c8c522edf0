"""A switch waits for nobody: what else is under way on this controller is found, and said."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dingli.evidence import Store
from dingli.switch import why_busy
from tests.unit.status import observed


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty clone's `.dingli/lab`."""
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    folder = tmp_path / ".dingli" / "lab"
    folder.mkdir(parents=True)
    return folder


def test_an_idle_controller_is_not_busy(state: Path) -> None:
    assert why_busy(observed.environment()) is None


def test_a_run_with_evidence_is_in_the_way(state: Path) -> None:
    with Store.of("lab").lock("up: lab"):
        assert "up: lab" in (why_busy(observed.environment()) or "")
    assert why_busy(observed.environment()) is None


def test_a_drill_that_waits_for_its_yes_is_in_the_way(state: Path) -> None:
    program = (
        "import fcntl, sys; file = open(sys.argv[1], 'a+'); fcntl.flock(file, fcntl.LOCK_EX);"
        "file.write('run 7'); file.flush(); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(state / "drill.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as drill:
        assert drill.stdout is not None
        drill.stdout.readline()
        assert why_busy(observed.environment()) == "a drill is under way: run 7"
        assert drill.stdin is not None
        drill.stdin.close()
    assert why_busy(observed.environment()) is None


def test_an_engine_that_works_on_a_stack_is_in_the_way_and_a_dead_one_is_not(state: Path) -> None:
    lock = state.parent / "pulumi/.pulumi/locks/organization/dingli/lab-dr/one.json"
    lock.parent.mkdir(parents=True)
    held = {"pid": os.getpid(), "hostname": "elsewhere", "username": "op"}
    lock.write_text(json.dumps(held))
    assert "the stack of dr is being worked on" in (why_busy(observed.environment()) or "")
    lock.write_text(json.dumps(held | {"hostname": socket.gethostname(), "pid": 2**22 + 1}))
    assert why_busy(observed.environment()) is None
