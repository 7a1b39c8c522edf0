"""Ansible on this machine, through the process that the provider starts: events, and an end that leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.providers.deployment.playbook import allowed_environment
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
# As Ansible's workers do: a session of its own, and a parent that is gone.
_ESCAPE = "setsid sh -c 'setsid sleep 300 & echo $! > {file}' ; sleep 300"


def _start(tmp_path: Path, tasks: str) -> subprocess.Popen[str]:
    private = tmp_path / "private"
    private.mkdir()
    (tmp_path / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  become: false\n  tasks:\n{tasks}")
    (private / "hosts.json").write_text(json.dumps({"all": {"hosts": {"here": {"ansible_connection": "local"}}}}))
    request = {"private_dir": str(private), "playbook": str(tmp_path / "site.yml"), "arguments": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.providers.deployment.playbook_process"],
        cwd=ROOT,
        env=allowed_environment(private, private),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(request | {"inventory": str(private / "hosts.json")}) + "\n")
    process.stdin.flush()
    return process


def test_events_name_host_and_task_and_say_what_changed(tmp_path: Path) -> None:
    process = _start(tmp_path, f"  - name: Make it\n    ansible.builtin.file: {{path: {tmp_path}/it, state: touch}}\n")
    assert process.stdout is not None
    messages = [json.loads(line) for line in process.stdout]

    assert {"event": "ok", "host": "here", "task": "Make it", "changed": True} in messages
    assert messages[-1]["status"] == "successful"


def test_its_end_takes_along_what_escaped_into_other_sessions(tmp_path: Path) -> None:
    file = tmp_path / "escaped"
    command = json.dumps(_ESCAPE.format(file=file))
    process = _start(tmp_path, f"  - name: Escape\n    ansible.builtin.shell: {command}\n")
    wait_for(lambda: file.exists() and file.read_text().strip() != "", 120)
    escaped = int(file.read_text())
    assert process.stdin is not None
    process.stdin.close()  # what both come to: the provider closes it, or the kernel does

    assert process.wait(60) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(escaped, signal.SIG_DFL)
    assert not (tmp_path / "private").exists()


def test_only_listed_variables_reach_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")

    assert "canary" not in allowed_environment(tmp_path, tmp_path).values()
