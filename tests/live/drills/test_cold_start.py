"""All hosts lose their power at once: the installation comes up by itself, with every order that it acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dingli.cell import CellError, observe, wait_until
from dingli.environment import Environment, load
from dingli.gate import CHECKS, State, run_checks
from dingli.power import power_off, power_on
from drills.checker.check import Verdict
from tests.live.drills.conftest import go_home
from tests.live.drills.trading import Trading

OFF_S = 10
UP_WITHIN_S = 90.0


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture
def trading(lab: Environment) -> Iterator[Trading]:
    go_home(lab, "alpha")
    members = Trading(lab, "cold", 20)
    yield members
    with ThreadPoolExecutor(len(lab.hosts)) as pool:
        list(pool.map(lambda host: power_on(lab, host), lab.hosts))
    go_home(lab, "alpha")


def gate_passes(lab: Environment) -> bool:
    return all(finding.state is State.PASSED for _, finding in run_checks(lab, CHECKS))


def test_everything_comes_up_by_itself_with_nothing_lost(
    lab: Environment, trading: Trading, capsys: pytest.CaptureFixture[str]
) -> None:
    trading.begin()
    trading.end()
    head = max(core.head for core in observe(lab, "alpha").cores.values())
    # An ops host is told of an instance's expiry, and keeps its word over its own loss of power.
    instances = [host for host in lab.hosts if lab.site_of(host).made]
    for hosts in (instances, [host for host in lab.hosts if host not in instances]):
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(lambda host: power_off(lab, host, OFF_S), hosts))
    with pytest.raises(CellError):
        observe(lab, "alpha")
    # Nobody switches anything on: each power-off ends by itself.
    began = time.monotonic()
    while not gate_passes(lab):
        assert time.monotonic() - began < UP_WITHIN_S, "the gate has not passed"
    took_s = time.monotonic() - began
    # A core says only every second how far it is.
    view = wait_until(lab, "alpha", lambda now: None if now.head > head else f"still at entry {now.head}", timeout_s=30)
    assert (view.quarantined, view.halted) == ((), False)
    report = trading.judged()
    assert (report.verdict, report.lost, report.findings) == (Verdict.PASS, [], []), report.why
    with capsys.disabled():
        print(
            f"\n{took_s:.1f} s from the cut (of at most {OFF_S} s) until an order was executed through every gateway;"
            f" {report.counts}, led by {view.leader}"
        )
