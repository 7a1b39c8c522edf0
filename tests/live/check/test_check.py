"""`dingli check` on the lab: good as it is, and each thing that is wrong on a host is found there and nowhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dingli import ssh
from dingli.check import Finding, Report, State, examine
from dingli.environment import Architecture, Environment, load

STRANGER = "dingli-test-stranger"
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load(os.environ.get("DINGLI_ENVIRONMENT", "lab"))


@pytest.fixture(scope="module")
def host(lab: Environment) -> str:
    """A host that does not trade: breaking something there disturbs nobody."""
    return next(name for name, host in lab.hosts.items() if not lab.site_of(name).trading and not host.emulated)


def _asked(environment: Environment) -> Report:
    return examine(environment, lambda line: None)


def _bad(report: Report) -> dict[tuple[str, str], Finding]:
    """What is not good, but for a clock that an emulated host is too slow to tell."""
    slow = {name for name, host in load(report.environment).hosts.items() if host.emulated}
    bad = {(one.subject, one.check): one for one in report.findings if one.state is not State.GOOD}
    return {
        key: one
        for key, one in bad.items()
        if not (key[0] in slow and key[1] == "clock" and one.state is State.UNKNOWN)
    }


def _asked_until(environment: Environment, as_wanted: Callable[[Report], bool]) -> Report:
    """On a busy machine clocks and round trips cannot be told at times: the remedy says to ask again."""
    deadline = time.monotonic() + PATIENCE_S
    while not as_wanted(report := _asked(environment)) and time.monotonic() < deadline:
        continue
    return report


def _with(lab: Environment, host: str, **changes: object) -> Environment:
    """The lab with something else declared for a host."""
    return lab.model_copy(update={"hosts": {**lab.hosts, host: lab.hosts[host].model_copy(update=changes)}})


def test_the_lab_is_good_and_no_host_is_changed_by_looking(lab: Environment) -> None:
    known = ssh.known_hosts_file(lab.name).read_bytes()

    report = _asked_until(lab, lambda report: not _bad(report))

    assert not _bad(report)
    assert {one.subject for one in report.findings if one.check == "ssh"} == set(lab.hosts)
    assert ssh.known_hosts_file(lab.name).read_bytes() == known


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("arch", lambda lab: {"arch": Architecture.AARCH64}),
        ("host key", lambda lab: {"host_key_sha256": f"SHA256:{'A' * 43}"}),
        ("power", lambda lab: {"power": None}),
    ],
)
def test_what_is_declared_wrong_is_found(
    lab: Environment, host: str, check: str, wrong: Callable[[Environment], dict[str, object]]
) -> None:
    def others(report: Report) -> set[State]:
        return {one.state for (_, name), one in _bad(report).items() if name != check}

    report = _asked_until(_with(lab, host, **wrong(lab)), lambda report: others(report) <= {State.UNKNOWN})

    assert (host, check) in _bad(report)
    assert _bad(report)[host, check].remedy
    assert others(report) <= {State.UNKNOWN}


def test_a_port_taken_by_a_stranger_is_found_with_its_program(lab: Environment, host: str) -> None:
    port = lab.journal.client_port
    members = (*lab.journal.members, host)
    wanted = lab.model_copy(update={"journal": lab.journal.model_copy(update={"members": members})})

    with _taken(lab, host, port):
        taken = _bad(_asked(wanted))

    assert taken[host, "ports"].state is State.FAILED
    assert f"{port} by python3 ({STRANGER}.service)" in taken[host, "ports"].found
    assert (host, "ports") not in _bad(_asked(wanted))


def test_a_host_that_is_not_there_is_good_in_nothing(lab: Environment, host: str) -> None:
    site = lab.site_of(host)
    nobody = next(address for address in site.network.hosts() if int(address) & 255 == 250)

    found = _asked(_with(lab, host, address=nobody)).findings

    of_host = {one.check: one.state for one in found if one.subject == host}
    assert of_host.pop("power") is State.GOOD
    assert of_host.pop("ssh") is State.FAILED
    assert set(of_host.values()) == {State.UNKNOWN}


def test_before_the_first_up_the_root_key_is_used_and_one_that_is_refused_is_told(
    lab: Environment, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fresh clone there is no deploy key; the lab's root key was given back when its hosts were adopted."""
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    (tmp_path / "roles").symlink_to(Path(__file__).parents[3] / "roles")

    found = {one.check: one for one in _asked(_with(lab, host)).findings if one.subject == host}

    assert found["ssh"].state is State.FAILED
    assert "root@" in found["ssh"].found
    assert found["host key"].state is State.GOOD
    assert found["sudo"].state is State.UNKNOWN


@contextmanager
def _taken(lab: Environment, host: str, port: int) -> Iterator[None]:
    """A port of a host, taken by a program of nobody's for at most ten minutes."""
    listen = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    with ssh.connect(ssh.target(lab, host)) as connection:
        connection.run(f"sudo -n systemctl stop {STRANGER}.service 2>/dev/null", check=False)
        connection.run(f'sudo -n systemd-run --collect --unit {STRANGER} /usr/bin/python3 -c "{listen}"')
        try:
            until_listening = (
                f"for i in $(seq 300); do ss -Htln 'sport = :{port}' | grep -q . && exit 0; sleep 0.1; done; exit 1"
            )
            connection.run(until_listening)
            yield
        finally:
            connection.run(f"sudo -n systemctl stop {STRANGER}.service", check=False)
