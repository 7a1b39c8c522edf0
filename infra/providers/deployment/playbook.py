"""Starting a playbook and following it: one process per run, in a private folder that exists in memory only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dingli.environment import project_root
from infra.providers.base.cancellation import Cancellation
from infra.providers.base.engine_log import Log
from infra.providers.base.exceptions import ProviderError
from infra.providers.deployment.inventory import inventory
from infra.providers.deployment.outcome import HostOutcome, Outcome

__all__ = ["allowed_environment", "list_tasks", "run_playbook"]

_PLAYBOOKS_AT_ONCE = threading.BoundedSemaphore(4)
_ALLOWED = (
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "SSH_AUTH_SOCK",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "DINGLI_ROOT",
)


def run_playbook(
    inputs: dict[str, Any], hosts: Collection[str], *, check: bool, log: Log, cancellation: Cancellation
) -> Outcome:
    """Apply the group's plays to `hosts`, or with `check` find out what that would change.

    Never raises for a host: its outcome says what happened. Raises `Cancelled` if there is nothing to be told.
    """
    outcome = Outcome({name: HostOutcome() for name in hosts})
    if not hosts:
        return outcome
    with _PLAYBOOKS_AT_ONCE, _private_folder() as private:
        cancellation.raise_if_requested()
        request = _request(private, inputs, hosts, check)
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.providers.deployment.playbook_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=allowed_environment(private, (project_root() / inputs["playbook"]).parent),
            cwd=_code_root(),
            start_new_session=True,
            text=True,
        )
        with process:
            _follow(process, request, outcome, log, cancellation)
    outcome.close()
    return outcome


def _follow(
    process: subprocess.Popen[str], request: str, outcome: Outcome, log: Log, cancellation: Cancellation
) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    stdin = process.stdin
    stdin.write(request + "\n")
    stdin.flush()
    with cancellation.interrupting(stdin.close):
        for line in process.stdout:
            message = json.loads(line)
            if message.get("event") == "start":
                log.progress(f"{message['host']}: {message['task']}")
            outcome.take(message)
            if "status" in message:
                stdin.close()
    process.wait()


def _request(private: Path, inputs: dict[str, Any], hosts: Collection[str], check: bool) -> str:
    path = private / "hosts.json"
    path.write_text(json.dumps(inventory(inputs, hosts)))
    return json.dumps(
        {
            "private_dir": str(private),
            "playbook": str(project_root() / inputs["playbook"]),
            "inventory": str(path),
            "arguments": f"--limit {','.join(hosts)}{' --check' if check else ''}",
        }
    )


def list_tasks(inputs: dict[str, Any]) -> list[str]:
    """The tasks that a run would go through, as `role : task`; contacts no host."""
    with _private_folder() as private:
        path = private / "hosts.json"
        known = [name for name, host in inputs["hosts"].items() if isinstance(host, dict)]
        listed = {**inputs, "hosts": {name: {"address": "127.0.0.1", "vars": {}} for name in known}}
        path.write_text(json.dumps(inventory(listed, known)))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "--list-tasks", "-i", str(path)]
        result = subprocess.run(
            [*command, str(project_root() / inputs["playbook"])],
            env=allowed_environment(private, (project_root() / inputs["playbook"]).parent),
            cwd=private,
            capture_output=True,
            text=True,
            timeout=60,
        )
    if result.returncode != 0:
        raise ProviderError(f"{inputs['playbook']} cannot be read: {result.stderr.strip()[-800:]}", "a valid playbook")
    return _tasks_of_plays_with_hosts(result.stdout, inputs["group"])


def _tasks_of_plays_with_hosts(listing: str, group: str) -> list[str]:
    tasks: list[str] = []
    ours = False
    for line in listing.splitlines():
        text = line.strip()
        if text.startswith("play #"):
            ours = text.split("(", 1)[1].startswith((f"{group})", "all)", f"{group}:", f"{group},"))
        elif ours and "TAGS:" in text and text != "tasks:":
            tasks.append(text.split("TAGS:")[0].strip())
    return tasks


def allowed_environment(private: Path, roles: Path) -> dict[str, str]:
    """The environment of a run: names that may pass, and Ansible's settings; never the engine's passphrase."""
    kept = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(_code_root()),
        "ANSIBLE_CONFIG": str(private / "ansible.cfg"),  # absent: no file of the user or the folder counts
        "ANSIBLE_ROLES_PATH": str(roles),
        "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(private / "ssh"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_BECOME": "true",
        "ANSIBLE_FORKS": "16",
        "ANSIBLE_TIMEOUT": "30",  # for sudo's first word too, which an emulated host on a busy machine takes long over
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_DIFF_ALWAYS": "false",
        "ANSIBLE_NOCOLOR": "true",
    }


def _code_root() -> Path:
    return Path(__file__).resolve().parents[3]


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder in memory: what the runner writes there holds the run's environment and variables."""
    for parent in (Path("/dev/shm"), Path(os.environ.get("XDG_RUNTIME_DIR", "/run")), Path("/run")):  # noqa: S108 - no fixed name below
        if os.access(parent, os.W_OK):
            private = Path(tempfile.mkdtemp(prefix="dingli-run-", dir=parent))
            break
    else:
        raise ProviderError("no writable file system in memory", "a file system such as /run", "mount one")
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)
