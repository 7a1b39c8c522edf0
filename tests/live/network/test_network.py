"""The lab's packet filters: what is declared is true on the wire, drift is mended, nobody is locked out for long."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from dingli import ssh
from dingli.environment import Access, Environment, load
from dingli.evidence import Store
from dingli.network.matrix import CONTROLLER, NEVER_OPEN
from tests.live.roles.conftest import Hosts
from tests.live.roles.site_play import Play, apply
from tests.live.stacks.clone import power

_HOST = "ops-1"
_LIST = "nft -s list table inet dingli"
_COUNTER = "nft -j list counter inet dingli denied_in"
_DEADLINE_S = 120.0


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture
def hosts(lab: Environment) -> Iterator[Hosts]:
    opened = Hosts(lab)
    yield opened
    opened.close()


def until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {_DEADLINE_S:.0f} s: {what}"
        time.sleep(0.3)


def dingli(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("dingli")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=200)


def about_filters(play: Play) -> list[str]:
    """What it did, or would do; earlier tests may have left other things to do."""
    return [change for change in play.changes.get(_HOST, []) if "packet filter" in change]


def test_the_whole_matrix_is_as_declared_and_leaves_evidence(lab: Environment) -> None:
    done = dingli("network", "scan", "lab", "--json")
    report = json.loads(done.stdout)
    wrong = [one for one in report["findings"] if one["state"] in ("failed", "unknown")]
    assert wrong == []
    assert done.returncode == 0
    assert report["counts"]["open"] > 60
    assert report["counts"]["closed"] > 400
    assert {one["destination"] for one in report["findings"] if one["state"] == "no_filter"} == {"standby-2"}
    silent = {
        one["destination"] for one in report["findings"] if (one["source"], one["answer"]) == (CONTROLLER, "silent")
    }
    assert silent == {host.name for host in lab.hosts.values() if not host.emulated}, "tried from where no filter is"
    newest = Store.of("lab").folders()[-1]
    assert newest.kind == "scan"
    assert {path.stem for path in (newest.path / "raw").iterdir()} == {*lab.hosts, CONTROLLER, "report"}


def test_what_is_denied_is_counted(lab: Environment, hosts: Hosts) -> None:
    def counted() -> int:
        listed = json.loads(hosts.run(_HOST, _COUNTER).stdout)
        return next(int(one["counter"]["packets"]) for one in listed["nftables"] if "counter" in one)

    before = counted()
    with pytest.raises(TimeoutError):
        socket.create_connection((str(lab.hosts[_HOST].address), NEVER_OPEN[0]), timeout=0.5)
    assert counted() > before


def test_rules_that_somebody_flushed_are_drift_and_come_back_while_sessions_go_on(
    lab: Environment, hosts: Hosts
) -> None:
    before = hosts.run(_HOST, _LIST).stdout
    assert "policy drop" in before
    hosts.run(_HOST, "nft delete table inet dingli")
    predicted = apply(lab, [_HOST], ["base"], check=True)
    assert about_filters(predicted) == ["would load the first packet filter"]
    done = apply(lab, [_HOST], ["base"])
    assert (done.failures, about_filters(done)) == ({}, ["load the first packet filter"])
    assert hosts.run(_HOST, _LIST).stdout == before, "over the connection that was open before"


def test_rules_that_would_lock_us_out_are_taken_back_by_the_host(lab: Environment, hosts: Hosts) -> None:
    before = hosts.run(_HOST, f"{_LIST}; cat /etc/dingli/firewall.nft").stdout
    elsewhere = lab.model_copy(update={"network": Access(controllers=(IPv4Network("192.0.2.1/32"),))})
    play = apply(elsewhere, [_HOST], ["base"], variables={"firewall_revert_after_s": 30})
    assert "network.controllers" in " ".join(play.failures[_HOST])

    def answers() -> bool:
        try:
            ssh.connect(ssh.target(lab, _HOST)).close()
        except ssh.SshError:
            return False
        return True

    until(f"{_HOST} lets us in again", answers)
    assert hosts.run(_HOST, f"{_LIST}; cat /etc/dingli/firewall.nft").stdout == before, "now, and at the next boot"


def test_the_filter_is_there_again_after_a_power_cut(lab: Environment, hosts: Hosts) -> None:
    before = hosts.run("primary-2", _LIST).stdout
    hosts.close()
    power("primary-2", "off", "--for", "5s")
    power("primary-2", "on")
    again = Hosts(lab)

    def listed() -> bool:
        try:
            return again.run("primary-2", _LIST, check=False).stdout == before
        except ssh.SshError:
            return False

    until("primary-2 has its packet filter", listed)
    again.close()
