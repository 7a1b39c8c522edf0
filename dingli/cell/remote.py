"""Running commands on an environment's hosts, as the deploy account."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from dingli.cell.exceptions import CellError
from dingli.environment import Environment
from dingli.ssh import CommandFailed, Result, SshError, Target, connect, target

_CONNECT_S = 3.0  # a host without power is silent, and others wait to be asked
_PATIENCE_S = 15.0  # one that took the connection has power, and may be busy


def run(environment: Environment, host: str, command: str, *, timeout_s: float = 30.0, check: bool = True) -> Result:
    """Runs a command with sudo; raises an SshError when the host cannot be reached or (with `check`) fails it."""
    with connect(target(environment, host), timeout_s=_CONNECT_S, patience_s=_PATIENCE_S) as connection:
        return connection.run("sudo -n " + command, timeout_s=timeout_s, check=check)


def core_ctl(environment: Environment, host: str, cell: str, *arguments: str, timeout_s: float = 30.0) -> str:
    """Output of the core's control program on a host with a main core."""
    words = shlex.join(["/usr/local/sbin/dingli-core-ctl", cell, *arguments])
    return run(environment, host, words, timeout_s=timeout_s).stdout


def on_any_main_core(environment: Environment, cell: str, *arguments: str, timeout_s: float = 30.0) -> str:
    """The same from the first host with a main core that answers, preferring the order of the environment file."""
    problems = []
    for core in environment.cells[cell].cores:
        if core.kind == "main":
            try:
                return core_ctl(environment, core.host, cell, *arguments, timeout_s=timeout_s)
            except SshError as error:
                problems.append(f"{core.host}: {error.found}")
    raise CellError(
        f"no host with a main core of {cell} answered: {'; '.join(problems)}",
        "one that runs dingli-core-ctl",
        "see `dingli status`",
    )


def on_any_main_core_json(environment: Environment, cell: str, *arguments: str) -> dict[str, Any]:
    """The same, as JSON."""
    data: dict[str, Any] = json.loads(on_any_main_core(environment, cell, *arguments))
    return data


def fetch(environment: Environment, host: str, folder: str, into: Path) -> list[Path]:
    """Copies the files of a folder on a host (as a tar stream), and returns them."""
    import io
    import tarfile

    reached: Target = target(environment, host)
    with connect(reached) as connection:
        channel = connection.transport.open_session(timeout=10)
        channel.settimeout(120)
        channel.exec_command("sudo -n " + shlex.join(["tar", "-C", folder, "-cf", "-", "."]))
        with channel.makefile("rb") as stream:
            data = stream.read()
        if (status := channel.recv_exit_status()) != 0:
            raise CommandFailed(f"{host}: tar of {folder} ended with status {status}", "status 0", "see the folder")
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(into, filter="data")
    return sorted(path for path in into.rglob("*") if path.is_file())
