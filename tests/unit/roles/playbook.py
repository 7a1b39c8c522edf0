"""Runs a few tasks on this machine, in folders of the test's own, and says what they did."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_runner

ROLES = Path(__file__).resolve().parents[3] / "roles"
_ENDED = {"runner_on_ok", "runner_on_failed", "runner_item_on_ok", "runner_item_on_failed"}


def owner() -> dict[str, str]:
    """Files of tests belong to whoever runs them."""
    return {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


def run_tasks(folder: Path, tasks: list[dict[str, Any]], *flags: str) -> list[dict[str, Any]]:
    """The results of `tasks` in order, run with the plugins of `roles/`; the play stops at the first that fails."""
    private = folder / "runner"
    private.mkdir(exist_ok=True)
    done = ansible_runner.run(
        private_data_dir=str(private),
        playbook=[{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}],
        inventory="localhost ansible_python_interpreter=" + sys.executable,
        cmdline=" ".join(flags) or None,
        quiet=True,
        envvars={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_LIBRARY": str(ROLES / "library"),
            "ANSIBLE_ACTION_PLUGINS": str(ROLES / "action_plugins"),
            "ANSIBLE_FILTER_PLUGINS": str(ROLES / "filter_plugins"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        },
    )
    return [event["event_data"]["res"] for event in done.events if event["event"] in _ENDED]


def run_module(name: str, folder: Path, arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """The result of one module, run as a host would run it, without a controller."""
    file = folder / "arguments.json"
    settings = {"_ansible_check_mode": check, "_ansible_remote_tmp": str(folder), "_ansible_diff": True}
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments | settings}))
    module = ROLES / "library" / f"{name}.py"
    command = [sys.executable, str(module), str(file)]
    # As strict as sudo on a hardened host.
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=0o077)
    result: dict[str, Any] = json.loads(done.stdout)
    return result
