"""Stack names, locks that a dead engine left, and what is shown of its events."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dingli.environment import load
from dingli.exceptions import DingliError, InputError
from dingli.stacks.backend import FileBackend
from dingli.stacks.events import StackOutcome, fold
from dingli.stacks.locks import has_pending_operations, remove_stale
from dingli.stacks.names import StackName, stack_and_environment
from dingli.stacks.operation import Choice
from dingli.stacks.variables import common_variables, host_variables, known_groups
from tests.waiting import wait_for


def test_a_stack_is_a_site_of_an_environment() -> None:
    assert stack_and_environment("lab-dr")[0] == StackName("lab", "dr")


@pytest.mark.parametrize("text", ["lab", "lab-nowhere", "nothing-dr", ""])
def test_a_name_of_nothing_declared_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        stack_and_environment(text)


def test_all_sites_are_meant_unless_some_are_named() -> None:
    environment = load("lab")

    assert [name.site for name in Choice().of(environment)] == list(environment.sites)
    assert [name.site for name in Choice(("dr",)).of(environment)] == ["dr"]
    with pytest.raises(InputError, match="nowhere"):
        Choice(("nowhere",)).of(environment)


def _lock(backend: Path, process: int, host: str) -> Path:
    path = backend / ".pulumi/locks/organization/dingli/lab-dr/one.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": process, "username": "someone", "hostname": host, "timestamp": ""}))
    return path


def test_a_lock_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path = _lock(tmp_path, ended.pid, socket.gethostname())

    assert remove_stale(FileBackend(tmp_path), "lab-dr")
    assert not path.exists()


def test_a_lock_whose_number_another_program_has_now_is_removed(tmp_path: Path) -> None:
    _lock(tmp_path, os.getpid(), socket.gethostname())

    assert remove_stale(FileBackend(tmp_path), "lab-dr")


def _wait_for_name(process: int, name: str) -> None:
    """A process has its program's name only a moment after its start was reported."""
    wait_for(lambda: Path(f"/proc/{process}/comm").read_text().strip() == name)


def test_a_lock_of_a_running_engine_stays(tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.symlink_to("/bin/sleep")
    with subprocess.Popen([engine, "60"]) as running:
        try:
            _wait_for_name(running.pid, "pulumi")
            path = _lock(tmp_path, running.pid, socket.gethostname())
            with pytest.raises(DingliError, match="is running"):
                remove_stale(FileBackend(tmp_path), "lab-dr")
        finally:
            running.kill()

    assert path.exists()


def test_a_lock_of_another_machine_stays(tmp_path: Path) -> None:
    path = _lock(tmp_path, 1, "elsewhere")

    with pytest.raises(DingliError, match="another machine, elsewhere"):
        remove_stale(FileBackend(tmp_path), "lab-dr")
    assert path.exists()


@pytest.mark.parametrize(("operations", "expected"), [([], False), ([{"type": "updating"}], True)])
def test_a_step_that_was_cut_short_is_seen_in_the_state(tmp_path: Path, operations: list[Any], expected: bool) -> None:
    state = tmp_path / ".pulumi/stacks/dingli/lab-dr.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": operations}}}))

    assert has_pending_operations(FileBackend(tmp_path), "lab-dr") is expected


def test_a_message_is_shown_with_its_resource_and_kept() -> None:
    outcome = StackOutcome("dr")
    urn = "urn:pulumi:lab-dr::dingli::deployment:index:Deployment::base"
    event = {"diagnosticEvent": {"urn": urn, "message": "dr-1: would change: core : Configure\n", "severity": "info"}}
    message = fold(json.dumps(event), outcome)

    assert message is not None
    assert message.text == "base: dr-1: would change: core : Configure"
    assert outcome.messages == [message.text]


def test_what_a_policy_refuses_is_an_error_of_its_resource() -> None:
    outcome = StackOutcome("dr")
    violation = {
        "resourceUrn": "urn:pulumi:lab-dr::dingli::dingli:index:Site$rack:index:Host::dr-1",
        "message": "Data of a high level (8.1.10.2.c)\nfound: level 4\n",
        "policyName": "data-placement",
        "enforcementLevel": "mandatory",
    }
    message = fold(json.dumps({"policyEvent": violation}), outcome)
    fold(json.dumps({"policyEvent": violation | {"enforcementLevel": "warning"}}), outcome)

    assert message is not None
    assert message.error
    assert message.text == "dr-1: data-placement: Data of a high level (8.1.10.2.c)\nfound: level 4"
    assert outcome.errors == outcome.messages == [message.text]


def test_progress_is_passing_and_not_kept() -> None:
    outcome = StackOutcome("dr")
    event = {"diagnosticEvent": {"message": "dr-1: Keep time", "severity": "info", "ephemeral": True}}
    message = fold(json.dumps(event), outcome)

    assert message is not None
    assert message.passing
    assert outcome.messages == []


def test_the_summary_counts_what_changed() -> None:
    outcome = StackOutcome("dr")
    fold(json.dumps({"summaryEvent": {"resourceChanges": {"same": 5, "update": 2}}}), outcome)

    assert outcome.changed == 2


def test_every_host_is_told_what_runs_on_it() -> None:
    environment = load("lab")
    told = {host: host_variables(environment, host) for host in environment.hosts}

    cores, gateways = told["dr-1"]["dingli_core"], told["dr-1"]["dingli_gateway"]
    assert [(core["cell"], core["core_id"]) for core in cores] == [("alpha", "dr-1/main"), ("beta", "dr-1/main")]
    assert [gateway["cell"] for gateway in gateways] == ["alpha", "beta"]
    assert [core["cell"] for core in host_variables(environment, "dr-1", "beta")["dingli_core"]] == ["beta"]
    assert [load["cell"] for load in told["ops-1"]["dingli_load"]] == ["alpha", "beta"]
    assert told["ops-1"]["dingli_core"] == told["ops-1"]["dingli_gateway"] == []
    assert set(common_variables(environment)["dingli_hosts"]) == set(environment.hosts)
    assert known_groups(environment)["ops"] == ["ops-1"]
