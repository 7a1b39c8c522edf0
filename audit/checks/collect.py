"""Gathers the evidence of one host over ssh with testinfra: one script in one connection, no judgement.

What is gathered: the commands of gather.sh, among them what audit-facts reads as root and the credential probe; and
what the host's ssh daemon offers on the wire, seen from the controller (which ends before any log-in). A connection
that fails leaves a record too, which is judged as an error.
"""

from __future__ import annotations

import hashlib
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
FACTS = Path(__file__).parents[2] / "roles" / "audit_account" / "files" / "audit-facts"
FACTS_RECORDS = ("facts", "facts-log")
ACCOUNT = "dingli-audit"
NO_ACCESS = 255
_LIMIT_S = 240


def connect(address: str, options: Sequence[str], *, port: int = 22) -> Host:
    """A connection that opens when it is used; `options` are arguments of `ssh` (identity, known hosts, bastion)."""
    bracketed = f"[{address}]" if ":" in address else address
    return testinfra.get_host(
        f"ssh://{ACCOUNT}@{bracketed}:{port}", ssh_extra_args=shlex.join(options), controlpersist=0
    )


def collect(name: str, host: Host, *, try_passwords: bool = True) -> tuple[Record, ...]:
    """All records of one host. Does not raise for a host that cannot be reached: its records say so."""
    with ThreadPoolExecutor(2, thread_name_prefix=f"audit-{name}") as pool:
        wire = pool.submit(_wire, name, host)
        return (*_script(name, host, "try-passwords" if try_passwords else "look"), wire.result())


def _script(name: str, host: Host, mode: str) -> tuple[Record, ...]:
    script = shlex.quote(GATHER.read_text(encoding="utf-8"))
    whole, stream = _run(name, "gather", host, f"timeout {_LIMIT_S} bash -c {script} gather.sh {mode}")
    whole = whole.model_copy(update={"command": f"bash -c <gather.sh> gather.sh {mode}"})
    if whole.exit_status != 0:
        return (whole,)
    try:
        found = framing.split(stream, name)
        return tuple(record for one in found for record in _unfolded(one, name, host_sum(found)))
    except EvidenceError as error:
        return (whole.model_copy(update={"exit_status": NO_ACCESS, "stderr": f"{whole.stderr}\n{error}"}),)


def host_sum(found: Sequence[framing.Framed]) -> str:
    """The SHA-256 of the host's audit-facts, as the host said it."""
    said = next((one.stdout for one in found if one.name == "facts-sum"), b"")
    return said.decode("ascii", "replace").partition(" ")[0]


def _unfolded(one: framing.Framed, name: str, facts_sum: str) -> tuple[Record, ...]:
    """A record; in place of `facts` what they hold, provided that the program is the one that this version knows."""
    if one.name not in FACTS_RECORDS or one.exit_status != 0:
        return (one.record(name),)
    expected = hashlib.sha256(FACTS.read_bytes()).hexdigest()
    if facts_sum != expected:
        raise EvidenceError(
            f"{name}: audit-facts has the sum {facts_sum or '(none)'}", expected, "run `dingli up` for this environment"
        )
    return tuple(inner.record(name) for inner in framing.split(one.stdout, name))


def _wire(name: str, host: Host) -> Record:
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
    return record


def _run(owner: str, name: str, host: Host, command: str) -> tuple[Record, bytes]:
    """The record of a command, and its standard output as it came."""
    started, before = datetime.now(UTC), time.monotonic()
    try:
        result = host.backend.run(command)
        status, out, err = result.rc, result.stdout_bytes, result.stderr_bytes
    except RuntimeError as error:  # how testinfra reports that ssh itself failed
        status, out, err = NO_ACCESS, b"", str(error).encode()
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
