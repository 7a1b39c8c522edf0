"""Runs roles/site.yml on hosts of an environment, as the Deployment provider does, and keeps what every task did."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import ansible_runner

from dingli import ssh
from dingli.artifacts import build_all
from dingli.environment import Environment, project_root, state_dir
from dingli.stacks.variables import common_variables, host_variables, known_groups

_ON_HOST = {"runner_on_ok", "runner_on_failed", "runner_item_on_ok", "runner_item_on_failed"}
# These run on the controller alone.
_CONTROLLER_ACTIONS = {
    "ansible.builtin.validate_argument_spec",
    "validate_argument_spec",
    "include_tasks",
    "set_fact",
    "assert",
}
# Two module executions where something is made or installed, one where it serves; anything else is one.
_TWO_HALVES = {"dingli_certificates", "dingli_firewall", "dingli_release"}


@dataclass
class Play:
    """One run, by host: what was changed, in words, and how many module executions it took."""

    status: str = ""
    changes: dict[str, list[str]] = field(default_factory=dict)
    executions: Counter[str] = field(default_factory=Counter)
    at_most: Counter[str] = field(default_factory=Counter)
    """What it would take if every task had something to change: the price of a first run."""
    failures: dict[str, list[str]] = field(default_factory=dict)
    changed_tasks: dict[str, list[str]] = field(default_factory=dict)
    output: str = ""

    def take(self, event: dict[str, Any]) -> None:
        kind, data = event["event"], event.get("event_data", {})
        result = data.get("res") or {}
        host, action = data.get("host", ""), data.get("task_action", "")
        if kind == "runner_on_unreachable" or (kind == "runner_on_failed" and not data.get("ignore_errors")):
            self.failures.setdefault(host, []).append(
                f"{data.get('task')}: {result.get('msg')} {result.get('stderr', '')}"
            )
        if kind not in _ON_HOST or action in _CONTROLLER_ACTIONS or "results" in result or result.get("skipped"):
            return
        self.executions[host] += 2 if action in _TWO_HALVES and result.get("changed") else 1
        self.at_most[host] += 2 if action in _TWO_HALVES else 1
        if result.get("changed"):
            self.changed_tasks.setdefault(host, []).append(f"{data.get('role')} : {data.get('task')}")
            self.changes.setdefault(host, []).extend(result.get("changes") or [str(data.get("task"))])


def apply(
    environment: Environment,
    hosts: Collection[str],
    groups: Collection[str] | None = None,
    *,
    check: bool = False,
    variables: Mapping[str, Any] | None = None,
) -> Play:
    """Run the plays of `groups` (all by default) on `hosts`; `variables` go before those of the environment."""
    play = Play()
    artifacts = _artifacts(environment, groups)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="dingli-roles-") as private:
        inventory = Path(private) / "hosts.json"
        listed = _inventory(environment, hosts, groups, artifacts)
        listed["all"]["vars"] |= variables or {}
        inventory.write_text(json.dumps(listed))
        done = ansible_runner.run(
            private_data_dir=private,
            playbook=str(project_root() / "roles" / "site.yml"),
            inventory=str(inventory),
            cmdline="--check --diff" if check else None,
            quiet=True,
            suppress_env_files=True,
            envvars={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "ANSIBLE_ROLES_PATH": str(project_root() / "roles"),
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
                "ANSIBLE_FORKS": "8",
            },
        )
        for event in done.events:
            play.take(event)
        play.status = done.status
        play.output = done.stdout.read()
    return play


def _artifacts(environment: Environment, groups: Collection[str] | None) -> dict[str, Any]:
    programs = {"core": ("core", "minicore"), "gateway": ("gateway",), "ops": ("load",)}
    return _built(environment.name, *(name for group in groups or programs for name in programs.get(group, ())))


@cache
def _built(environment: str, *names: str) -> dict[str, Any]:
    """Built once: a source that somebody edits between two runs is no change that the second one made up."""
    return {
        name: {"path": str(made.path), "sha256": made.sha256}
        for name, made in build_all(state_dir(environment), names).items()
    }


def _inventory(
    environment: Environment, hosts: Collection[str], groups: Collection[str] | None, artifacts: dict[str, Any]
) -> dict[str, Any]:
    entries = {host: host_variables(environment, host) | dict(_connection(environment, host)) for host in hosts}
    children: dict[str, Any] = {
        group: {"hosts": {host: {} for host in members if host in entries and (groups is None or group in groups)}}
        for group, members in known_groups(environment).items()
    }
    variables = common_variables(environment) | {"dingli_artifacts": artifacts}
    return {"all": {"hosts": entries, "children": children, "vars": variables}}


def _connection(environment: Environment, host: str) -> Iterator[tuple[str, Any]]:
    reached = ssh.target(environment, host)
    if environment.hosts[host].emulated:
        yield "ansible_ssh_timeout", 60  # until its server's first word, on a busy machine
    yield "ansible_host", reached.address
    yield "ansible_user", reached.user
    yield "ansible_ssh_private_key_file", str(reached.key)
    yield "ansible_ssh_common_args", shlex.join(ssh.openssh_options(reached))
