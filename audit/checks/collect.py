"""Gathers the evidence of one host over ssh with testinfra: three connections at once, no judgement.

What is gathered: the commands of gather.sh; the credential probe; and what the host's ssh daemon offers on the wire,
seen from the controller. A connection that fails leaves a record too, which is judged as an error.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import testinfra
from testinfra.host import Host

from audit.checks import framing
from audit.exceptions import EvidenceError
from audit.records import Record

GATHER = Path(__file__).with_name("gather.sh")
PROBE = "sudo -n /usr/local/libexec/dingli/credential-probe"
ACCOUNT = "dingli-audit"
_NO_ACCESS = 255
_LIMIT_S = 240


def connect(address: str, options: Sequence[str], *, port: int = 22, user: str = ACCOUNT) -> Host:
    """A connection that opens when it is used; `options` are arguments of `ssh` (identity, known hosts, bastion)."""
    bracketed = f"[{address}]" if ":" in address else address
    return testinfra.get_host(f"ssh://{user}@{bracketed}:{port}", ssh_extra_args=shlex.join(options), controlpersist=0)


def collect(name: str, host: Host) -> tuple[Record, ...]:
    """All records of one host. Does not raise for a host that cannot be reached: its records say so."""
    with ThreadPoolExecutor(3, thread_name_prefix=f"audit-{name}") as pool:
        parts = [pool.submit(part, name, host) for part in (_facts, _probe, _wire)]
        return tuple(record for part in parts for record in part.result())


def _facts(name: str, host: Host) -> tuple[Record, ...]:
    script = shlex.quote(GATHER.read_text(encoding="utf-8"))
    whole, stream = _run(name, "gather", host, f"timeout {_LIMIT_S} bash -c {script}")
    whole = whole.model_copy(update={"command": "bash -c <gather.sh>"})
    if whole.exit_status != 0:
        return (whole,)
    try:
        return framing.split(stream, name)
    except EvidenceError as error:
        return (whole.model_copy(update={"exit_status": _NO_ACCESS, "stderr": f"{whole.stderr}\n{error}"}),)


def _probe(name: str, host: Host) -> tuple[Record, ...]:
    record, _ = _run(name, "credential-probe", host, f"timeout {_LIMIT_S} {PROBE}")
    return (record,)


def _wire(name: str, host: Host) -> tuple[Record, ...]:
    """What the running daemon proposes, whatever its files say; the connection ends before any log-in."""
    reached = host.backend
    options = [reached.ssh_extra_args] if reached.ssh_extra_args else []
    options += [f"-F {shlex.quote(reached.ssh_config)}"] if reached.ssh_config else []
    options += [f"-p {reached.host.port}"] if reached.host.port else []
    destination = f"{reached.host.user or ACCOUNT}@{reached.host.name}"
    command = (
        f"ssh -vv -o BatchMode=yes -o PreferredAuthentications=none -o ControlPath=none -o ConnectTimeout=20 "
        f"{' '.join(options)} {shlex.quote(destination)} true"
    )
    record, _ = _run(name, "ssh-wire", testinfra.get_host("local://"), command)
    return (record,)


def _run(owner: str, name: str, host: Host, command: str) -> tuple[Record, bytes]:
    """The record of a command, and its standard output as it came."""
    started, before = datetime.now(UTC), time.monotonic()
    try:
        result = host.backend.run(command)
        status, out, err = result.rc, result.stdout_bytes, result.stderr_bytes
    except RuntimeError as error:  # how testinfra reports that ssh itself failed
        status, out, err = _NO_ACCESS, b"", str(error).encode()
    record = Record(
        name=name,
        host=owner,
        command=command,
        exit_status=status,
        started=started,
        duration_s=round(time.monotonic() - before, 3),
        stdout=out.decode("utf-8", "backslashreplace"),
        stderr=err.decode("utf-8", "backslashreplace"),
    )
    return record, out
