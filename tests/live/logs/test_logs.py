"""The central logs of the lab: everything arrives, from whom it says, and who wrote it cannot take it back."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dingli import ssh
from dingli.environment import Environment, load, project_root
from dingli.environment.logs import logs_host
from dingli.logs.query import Wish, question
from dingli.logs.remote import ask
from tests.waiting import wait_for

_DEADLINE_S = 120.0
_RECEIVER = "dingli-log-receive.service"


class Lab:
    """The lab's hosts, and what is found of them in the central logs."""

    def __init__(self) -> None:
        self.environment: Environment = load("lab")
        self._open: dict[str, ssh.Connection] = {}
        found = logs_host(self.environment)
        assert found is not None
        self.ops = found

    def run(self, host: str, command: str, *, stdin: str | None = None, check: bool = True) -> ssh.Result:
        """A command of the deploy account."""
        if host not in self._open:
            self._open[host] = ssh.connect(ssh.target(self.environment, host), patience_s=60)
        return self._open[host].run(command, stdin=stdin, check=check)

    def as_root(self, host: str, command: str, *, stdin: str | None = None, check: bool = True) -> ssh.Result:
        return self.run(host, f"sudo -n sh -c {shlex.quote(command)}", stdin=stdin, check=check)

    def found(self, **wish: Any) -> list[dict[str, Any]]:
        with ask(self.environment, question(self.environment, Wish(**wish), datetime.now(UTC))) as answer:
            return list(answer)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    opened = Lab()
    yield opened
    opened.close()


def token() -> str:
    return f"canary-{uuid.uuid4().hex}"


def until(condition: Callable[[], list[dict[str, Any]] | None]) -> list[dict[str, Any]]:
    return wait_for(condition, _DEADLINE_S, every_s=0.2)


def dingli(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("dingli")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, cwd=project_root())


def test_a_line_logged_on_any_host_is_found_within_seconds(lab: Lab) -> None:
    word = token()
    hosts = list(lab.environment.hosts)
    for host in hosts:
        lab.run(host, f"logger -t {word[:12]} -p user.warning {word}")
    logged = time.monotonic()
    found = until(lambda: rows if len(rows := lab.found(grep=word)) >= len(hosts) else None)
    print(f"{len(hosts)} hosts' lines found after {time.monotonic() - logged:.1f} s")
    assert sorted(row["host"] for row in found) == sorted(hosts)
    assert {(row["message"], row["priority"], row["identifier"]) for row in found} == {(word, 4, word[:12])}
    assert [row["time_us"] for row in found] == sorted(row["time_us"] for row in found)


def test_programs_and_logins_are_found_by_their_service(lab: Lab) -> None:
    environment = lab.environment
    cell = next(iter(environment.cells.values()))
    lab.as_root(environment.journal.members[0], "true")
    for service, host in (
        ("core", cell.cores[0].host),
        ("gateway", cell.gateways[0]),
        ("etcd", environment.journal.members[0]),
        ("sudo", environment.journal.members[0]),
        ("sshd", environment.journal.members[0]),
    ):
        assert until(lambda: lab.found(hosts=[host], services=[service], since="1d", last=3)), service  # noqa: B023
    assert {row["host"] for row in lab.found(cells=[cell.name], since="1d", last=200)} <= {
        *cell.gateways, *(core.host for core in cell.cores)
    }  # fmt: skip


def test_only_a_hosts_own_certificate_is_let_in_and_it_writes_for_that_host_alone(lab: Lab) -> None:
    host, other, word = "primary-1", "primary-2", token()
    settings = json.loads(lab.as_root(host, "cat /etc/dingli/log-ship.json").stdout)
    settings |= {"now_us": time.time() * 1_000_000, "other": other}
    settings |= {"program_cert": "/etc/dingli/pki/core-alpha.crt", "program_key": "/etc/dingli/pki/core-alpha.key"}
    probe = (Path(__file__).parent / "probe.py").read_text()
    answer = lab.as_root(
        host, f"python3 -I -c {shlex.quote(probe)}", stdin=f"{json.dumps(settings)}\n{word}\n"
    ).stdout.splitlines()[-1]
    told = json.loads(answer)
    assert json.loads(told.pop("its own"))["after"]
    assert set(told.values()) == {""}, told
    (row,) = until(lambda: lab.found(grep=word))
    assert row["host"] == host
    after = token()
    lab.run(host, f"logger {after}")
    assert until(lambda: lab.found(grep=after)), "the host's own sender has its place again"


def test_what_is_logged_while_the_receiver_is_down_arrives_once_and_in_order(lab: Lab) -> None:
    word, hosts = token(), ["primary-2", "standby-1"]
    lab.as_root(lab.ops, f"systemctl stop {_RECEIVER}")
    try:
        for host in hosts:
            lab.run(host, f"for n in $(seq 20); do logger {word} $n; done")
        assert lab.found(grep=word) == []
    finally:
        lab.as_root(lab.ops, f"systemctl start {_RECEIVER}")
    rows = until(lambda: rows if len(rows := lab.found(grep=word)) >= 40 else None)
    for host in hosts:
        assert [row["message"] for row in rows if row["host"] == host] == [f"{word} {n}" for n in range(1, 21)]


def test_root_of_a_trading_host_has_no_way_to_the_logs(lab: Lab, tmp_path: Path) -> None:
    """The packet filter refuses it; and every private key that is to be found there is tried, from where a way is."""
    address = lab.environment.hosts[lab.ops].address
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=30"
    refused = lab.as_root("primary-1", f"ssh -F none {options} root@{address} id", check=False)
    assert refused.status == 255
    assert "No route to host" in refused.stderr, refused.stderr

    search = "grep -rlIE -- '-----BEGIN .*PRIVATE KEY-----' /etc /root /home /var/lib/dingli* 2>/dev/null"
    keys = lab.as_root("primary-1", search, check=False).stdout.split()
    assert any(key.endswith("/log.key") for key in keys), keys
    identities = []
    for number, key in enumerate(keys):
        copy = tmp_path / f"{number}.key"
        copy.touch(mode=0o600)
        copy.write_text(lab.as_root("primary-1", f"cat {shlex.quote(key)}").stdout)
        identities += ["-i", str(copy)]
    for account in ("root", ssh.DEPLOY_USER):
        command = ["ssh", "-F", "none", *options.split(), "-o", "IdentitiesOnly=yes", *identities]
        tried = subprocess.run(
            [*command, f"{account}@{address}", "id"], capture_output=True, text=True, timeout=120, check=False
        )
        assert tried.returncode == 255
        assert re.search("Permission denied|Too many authentication failures", tried.stderr), tried.stderr


def test_who_may_read_the_logs_can_write_nothing_and_the_deploy_account_by_itself_not_even_read(lab: Lab) -> None:
    listing = lab.run(lab.ops, "ls /var/log/dingli", check=False)
    assert "Permission denied" in listing.stderr
    reader = "sudo -n -u dingli-logread sh -c"
    file = lab.run(lab.ops, f"{reader} 'ls /var/log/dingli/primary-1/*.jsonl | tail -n 1'").stdout.strip()
    for command in (f"echo >> {file}", f"rm -f {file}", f"mv {file} {file}.old", "touch /var/log/dingli/more"):
        assert lab.run(lab.ops, f"{reader} {shlex.quote(command)}", check=False).status != 0, command


def test_files_only_grow_where_the_file_system_can_do_that(lab: Lab) -> None:
    lab.as_root(lab.ops, "systemctl start dingli-log-keep.service")
    tried = "cd /var/log/dingli; touch .t; chattr +a .t 2>/dev/null && echo can; chattr -a .t 2>/dev/null; rm .t"
    can = lab.as_root(lab.ops, tried).stdout.strip() == "can"
    print("append-only: yes" if can else "append-only: not on this file system; folders' permissions protect the files")
    status = json.loads(dingli("logs", "lab", "--status", "--json").stdout)
    assert set(status["hosts"]) == set(lab.environment.hosts)
    for host, one in status["hosts"].items():
        assert one["files"] > 0, host
        assert one["grows_only"] == (one["files"] if can else 0), host
    if can:
        removed = lab.as_root(lab.ops, "rm -f /var/log/dingli/primary-1/*.jsonl", check=False)
        assert "Operation not permitted" in removed.stderr, "not even root, without taking the attribute away first"


def test_the_command_prints_lines_and_names_mistakes(lab: Lab) -> None:
    word = token()
    lab.run("dr-1", f"logger -t strange -p user.err -- \"{word} '; touch /tmp/injected; '\"")
    until(lambda: lab.found(grep=word))
    found = dingli("logs", "lab", "--grep", f"{word} '; touch /tmp/injected; '", "--priority", "err", "--host", "dr-1")
    assert found.returncode == 0
    assert re.fullmatch(rf"\S+Z dr-1 strange(\[\d+\])? err: {word} .*\n", found.stdout), found
    assert lab.run(lab.ops, "ls /tmp/injected", check=False).status != 0
    unknown = dingli("logs", "lab", "--host", "dr-9")
    assert unknown.returncode == 2
    assert "no logs of dr-9 have arrived; there are those of dr-1" in unknown.stderr


def test_closed_days_are_compared_and_the_comparison_is_evidence(lab: Lab) -> None:
    for more in (["--replaced"], []):  # the lab may be another than that of earlier evidence
        done = dingli("logs", "lab", "--verify", "--json", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["findings"] == []
