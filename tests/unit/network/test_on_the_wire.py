"""Rule sets in force, in network namespaces: what is declared is what is true on the wire, and the scan sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dingli.environment import Environment
from dingli.exceptions import ExitCode
from dingli.network import controllers
from dingli.network.judgement import Report, Seen, State, judge
from dingli.network.matrix import CONTROLLER, Attempt, matrix
from dingli.network.scan import parse, script

from .conftest import rendered
from .world import UNSHARE, World

pytestmark = pytest.mark.slow


def outsider(environment: Environment) -> IPv4Address:
    """A controller's address that is no host's."""
    network = controllers(environment)[0].network
    taken = {host.address for host in environment.hosts.values()} | {network.network_address}
    return network.network_address if network.prefixlen == 32 else next(one for one in network if one not in taken)


def scanned(environment: Environment, without: dict[str, str], quiet: tuple[str, ...] = ()) -> Report:
    """A scan of a world in which all listen on every port, but for `quiet` ones. `without`: the line to drop."""
    here = outsider(environment)
    attempts = matrix(environment, here)
    by_source: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_source.setdefault(attempt.source, []).append(attempt)
    everything = sorted({(one.protocol.value, one.port) for one in attempts})
    world = World(prefix=environment.supernet.prefixlen)
    for name, tries in by_source.items():
        address = here if name == CONTROLLER else environment.hosts[name].address
        rules = "" if name == CONTROLLER or environment.hosts[name].emulated else rendered(environment, name)
        if name in without:
            assert without[name] in rules
            rules = "\n".join(line for line in rules.splitlines() if without[name] not in line)
        world.hosts[name] = {
            "address": str(address),
            "rules": rules,
            "listen": [] if name in quiet else everything,
            "program": script(environment, tries),
        }
    printed = world.run()
    seen: dict[str, Seen] = {name: parse(by_source[name], output) for name, output in printed.items()}
    return judge(environment.name, attempts, seen)


@pytest.mark.parametrize("which", ["lab", "other"])
def test_what_is_declared_is_open_and_all_else_is_closed(which: str, request: pytest.FixtureRequest) -> None:
    environment: Environment = request.getfixturevalue(which)
    report = scanned(environment, {})
    assert [(one.plain()) for one in report.of(State.FAILED)] == []
    assert report.exit_code is ExitCode.OK
    assert len(report.of(State.OPEN)) > 30
    assert len(report.of(State.CLOSED)) > 100
    assert {one.attempt.destination for one in report.of(State.NO_FILTER)} <= {
        host.name for host in environment.hosts.values() if host.emulated
    }


def test_a_filter_that_accepts_by_default_is_seen_from_outside_it(lab: Environment) -> None:
    report = scanned(lab, {"primary-1": "type filter hook input"})
    found = {(one.attempt.source, one.attempt.destination) for one in report.of(State.FAILED)}
    assert found == {(CONTROLLER, "primary-1"), ("standby-2", "primary-1")}, "the others deny what they send themselves"
    assert report.exit_code is ExitCode.FAILED


def test_a_rule_that_is_missing_and_a_host_where_nothing_listens_are_told_apart(lab: Environment) -> None:
    report = scanned(lab, {"dr-1": "tcp dport 7400"}, quiet=("primary-1",))
    found = {(one.attempt.destination, one.attempt.port, one.text) for one in report.of(State.FAILED)}
    assert found == {("dr-1", 7400, "declared, and a packet filter on the way does not let it through")} | {
        ("primary-1", 7400, "declared, and a packet filter on the way does not let it through"),
        ("standby-1", 7400, "declared, and a packet filter on the way does not let it through"),
        ("standby-2", 7400, "declared, and a packet filter on the way does not let it through"),
    }
    assert {one.attempt.destination for one in report.of(State.IDLE)} == {"primary-1"}


@pytest.mark.parametrize(
    ("story", "port", "ends", "heard"),
    [
        ("power", 7400, ("primary-1", "primary-2"), "reset"),
        ("older", 7400, ("primary-1", "primary-2"), "closed"),
        ("older", 22, ("ops-1", CONTROLLER), "closed"),
    ],
)
def test_ends_of_a_session_that_conntrack_does_not_know_still_hear_of_each_other(
    lab: Environment, story: str, port: int, ends: tuple[str, str], heard: str
) -> None:
    """One that waits for a packet that a filter has dropped waits for minutes: a lock would be held by nobody."""
    here = {"address": str(outsider(lab)), "rules": ""}
    plan = {
        side: here if host == CONTROLLER else {"address": str(lab.hosts[host].address), "rules": rendered(lab, host)}
        for side, host in zip(("server", "client"), ends, strict=True)
    }
    command = [*UNSHARE, sys.executable, str(Path(__file__).with_name("forgotten.py"))]
    said = json.dumps(plan | {"port": port, "story": story})
    told = subprocess.run(command, input=said, capture_output=True, text=True, check=False, timeout=90)
    assert (told.stdout, told.returncode) == (f"{heard}\n", 0), told.stderr
