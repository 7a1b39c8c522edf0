"""What hosts say, judged: each mistake is a failure with what to do, and what was not seen is never good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dingli.check import clocks, links, power
from dingli.check.contact import Seen, look
from dingli.check.facts import Facts, Listener, RoundTrip
from dingli.check.finding import Finding, Report, State
from dingli.check.judgement import HOST_CHECKS, judge
from dingli.check.requirements import longest_clock_offset_s, longest_round_trip_ms, requirements
from dingli.check.screen import show
from dingli.environment import Environment, Hosting, load
from dingli.environment.power import CommandPower
from dingli.exceptions import ExitCode

LAB = load("lab")
HOST = "primary-1"
NEEDED = requirements(LAB, HOST)
GOOD = Facts(
    arch="x86_64",
    os="debian-13",
    root=True,
    cores=8,
    memory_mib=16384,
    disk_mib={"/": 90000},
    listeners=(Listener(2379, "etcd", "etcd.service"), Listener(7400, "python3", "dingli-core@alpha.service")),
    packages=frozenset(NEEDED.packages),
    missing_commands=(),
    began_s=1000.0,
    ended_s=1000.2,
    asked_from="198.18.255.253",
)
CONTACT = (Finding(HOST, "ssh", State.GOOD, ""), Finding(HOST, "host key", State.GOOD, ""))


def _judged(**changes: Any) -> dict[str, Finding]:
    seen = Seen(HOST, CONTACT, "dingli-deploy", replace(GOOD, **changes), 1000.0, 1000.3)
    return {one.check: one for one in judge(LAB.hosts[HOST], NEEDED, seen)}


def test_an_instance_that_no_up_has_made_yet_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    site = LAB.sites["primary"].model_copy(update={"hosting": Hosting.INDUSTRY})
    afloat = LAB.model_copy(update={"sites": {**LAB.sites, "primary": site}})
    found = {one.check: one for one in judge(LAB.hosts[HOST], NEEDED, look(afloat, HOST, ""))}

    assert {one.state for one in found.values()} == {State.UNKNOWN}
    assert "`dingli up` makes it" in found["ssh"].remedy


def test_a_good_host_is_good() -> None:
    assert {one.state for one in _judged().values()} == {State.GOOD}


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("sudo", {"root": False}),
        ("ssh", {"asked_from": "198.18.9.11"}),
        ("arch", {"arch": "aarch64"}),
        ("os", {"os": "debian-12"}),
        ("cores", {"cores": 1}),
        ("memory", {"memory_mib": 512}),
        ("disk", {"disk_mib": {"/": 90000, "/opt": 100}}),
        ("ports", {"listeners": (Listener(7400, "nc", "session-1.scope"),)}),
        ("ports", {"listeners": (Listener(7400, "python3", "dingli-core@other.service"),)}),
        ("packages", {"packages": frozenset(NEEDED.packages) - {"chrony"}}),
        ("packages", {"missing_commands": ("python3",)}),
    ],
)
def test_one_mistake_is_one_failure_that_says_what_to_do(check: str, changes: dict[str, Any]) -> None:
    found = _judged(**changes)

    assert [one.check for one in found.values() if one.state is not State.GOOD] == [check]
    assert found[check].state is State.FAILED
    assert found[check].expected
    assert found[check].remedy


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("disk", {"disk_mib": {}}),
        ("ports", {"listeners": None}),
        ("ports", {"listeners": (Listener(7400, "-", "-"),)}),
        ("packages", {"packages": None}),
    ],
)
def test_what_a_host_cannot_say_cannot_be_told(check: str, changes: dict[str, Any]) -> None:
    assert _judged(**changes)[check].state is State.UNKNOWN


def test_a_host_that_was_not_asked_is_good_in_nothing() -> None:
    seen = Seen(HOST, (Finding(HOST, "ssh", State.FAILED, "no answer"),))

    found = list(judge(LAB.hosts[HOST], NEEDED, seen))

    assert {one.state for one in found[1:]} == {State.UNKNOWN}
    assert {one.check for one in found} == set(HOST_CHECKS) - {"clock", "power"}


def test_ports_and_packages_follow_from_what_runs_on_a_host() -> None:
    assert {port.number for port in requirements(LAB, "dr-1").ports} >= {2379, 2380, 7400, 7401, 7410, 7411, 9100}
    assert {port.number for port in requirements(LAB, "standby-2").ports} == {7400, 7401, 9100}
    assert {port.number for port in requirements(LAB, "ops-1").ports} >= {9090, 9093, 9100}
    assert all({"chrony", "sudo"} < set(requirements(LAB, host).packages) for host in LAB.hosts)
    assert "etcd-server" in requirements(LAB, "dr-1").packages
    assert "etcd-server" not in requirements(LAB, "standby-2").packages


def _seen(host: str, began_s: float, ended_s: float, sent_s: float, answered_s: float) -> Seen:
    return Seen(host, CONTACT, "root", replace(GOOD, began_s=began_s, ended_s=ended_s), sent_s, answered_s)


@pytest.mark.parametrize(
    ("ahead_s", "slow_s", "state"),
    [
        (0.0, 0.1, State.GOOD),
        (0.5, 0.1, State.GOOD),
        (5.0, 0.1, State.FAILED),
        (-5.0, 0.1, State.FAILED),
        (-5.0, 3.0, State.FAILED),
        (0.0, 5.0, State.UNKNOWN),
    ],
)
def test_a_clock_is_off_only_if_the_journey_cannot_explain_it(ahead_s: float, slow_s: float, state: State) -> None:
    seen = _seen("a", 100 + slow_s + ahead_s, 100.2 + slow_s + ahead_s, 100, 100.2 + 2 * slow_s)

    assert next(iter(clocks.judge([seen], 1.0))).state is state


def test_two_clocks_that_are_apart_are_named() -> None:
    early, late = (_seen(host, 100.1 + by, 100.2 + by, 100, 100.3) for host, by in (("a", -0.9), ("b", 0.9)))
    good = _seen("c", 100.1, 100.2, 100, 100.3)

    *each, between = clocks.judge([early, good, late], 1.0)

    assert {one.state for one in each} == {State.GOOD}
    assert (between.state, between.subject) == (State.FAILED, "a, b")


def test_a_host_that_was_not_asked_has_no_clock() -> None:
    assert [one.state for one in clocks.judge([Seen("a", ())], 1.0)] == [State.UNKNOWN]


def test_the_limits_are_those_of_the_environment() -> None:
    ms, why = longest_round_trip_ms(LAB)

    assert (ms, longest_clock_offset_s(LAB)) == (50.0, 1.0)
    assert "election" in why


def _trips(ms: float | None) -> dict[str, Seen]:
    found = {}
    for host in LAB.hosts:
        trips = {peer.host: RoundTrip(ms, "" if ms else "No route to host") for peer in links.peers(LAB, host)}
        found[host] = Seen(host, CONTACT, "root", replace(GOOD, round_trips=trips))
    return found


@pytest.mark.parametrize(
    ("ms", "states"), [(3.0, {State.GOOD}), (80.0, {State.GOOD, State.FAILED}), (None, {State.UNKNOWN})]
)
def test_round_trips_between_sites_are_bounded(ms: float | None, states: set[State]) -> None:
    found = list(links.judge(LAB, _trips(ms), (50.0, "why")))

    assert {one.state for one in found} == states
    assert len(found) == len(LAB.sites) * (len(LAB.sites) - 1)
    assert all("ops" in one.subject for one in found if ms == 80.0 and one.state is State.GOOD)


def test_an_emulated_host_measures_nothing() -> None:
    assert not links.peers(LAB, "standby-2")
    assert links.peers(LAB, "standby-1")


def _with_power(status: str | None) -> Environment:
    driver = CommandPower(name="lab", driver="command", off="off {host} {seconds}", on="on {host}", status=status)
    return LAB.model_copy(update={"power": {"lab": driver}})


@pytest.mark.parametrize(
    ("status", "state"),
    [("echo {host} is on", State.GOOD), ("false {host}", State.FAILED), ("no-such-program {host}", State.FAILED)],
)
def test_a_power_driver_is_asked_what_changes_nothing(status: str, state: State) -> None:
    assert power.finding(_with_power(status), HOST).state is state


def test_a_power_driver_that_cannot_be_asked_is_not_good() -> None:
    undeclared = LAB.model_copy(update={"hosts": {HOST: LAB.hosts[HOST].model_copy(update={"power": None})}})

    assert power.finding(_with_power(None), HOST).state is State.UNKNOWN
    assert power.finding(undeclared, HOST).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([State.GOOD], ExitCode.OK),
        ([State.GOOD, State.UNKNOWN], ExitCode.UNKNOWN),
        ([State.GOOD, State.UNKNOWN, State.FAILED], ExitCode.FAILED),
    ],
)
def test_the_exit_status_is_that_of_the_worst(states: list[State], code: ExitCode) -> None:
    report = Report("lab", tuple(Finding("a", "ssh", state, "") for state in states))

    assert report.exit_code is code
    assert report.plain()["ok"] is (code is ExitCode.OK)


def test_a_failure_is_shown_with_host_found_expected_and_remedy(tmp_path: Path) -> None:
    every = {check: State.FAILED if check == "disk" else State.GOOD for check in HOST_CHECKS}
    found = [
        Finding(host, check, state, "7 MiB", "much more", "give it more")
        if host == HOST
        else Finding(host, check, State.GOOD, "")
        for host in LAB.hosts
        for check, state in every.items()
    ]
    with (tmp_path / "screen").open("w+") as screen:
        show(Console(file=screen, width=80), LAB, Report("lab", tuple(found)))
        screen.seek(0)
        shown = screen.read()

    for word in ("FAIL primary-1: disk", "found: 7 MiB", "expected: much more", "what to do: give it more", "1 failed"):
        assert word in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert max(map(len, shown.splitlines())) <= 80
