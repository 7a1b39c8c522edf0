"""What a cell trades with, what logs and what watches is killed on every host under load: all of it comes back."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dingli.cell import View, hand_over, observe, remote, wait_until
from dingli.environment import Environment, load
from drills.checker.check import Verdict
from tests.live.drills.trading import Trading

pytestmark = pytest.mark.long

HOMES = {"alpha": "primary-1/main", "beta": "standby-1/main"}
LOAD_S = 180
BACK_WITHIN_S = 40.0
# What logs and measures beside them, where it is deployed.
BESIDE = ("dingli-log-*.service", "rsyslog.service", "chrony.service", "prometheus*.service")
ALL = ("dingli-core@", "dingli-gateway@", "etcd.service")


def kinds(cell: str) -> tuple[str, ...]:
    """Beginnings of the names of units that a cell trades with; the journal's are killed once, with the first cell."""
    own = (f"dingli-core@{cell}", f"dingli-gateway@{cell}")
    return (*own, "etcd.service") if cell == "alpha" else own


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture(params=list(HOMES))
def cell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def trading(lab: Environment, cell: str) -> Iterator[Trading]:
    hand_over(lab, cell, HOMES[cell], timeout_s=60)
    members = Trading(lab, f"kills-{cell}", LOAD_S, rate=60, cell=cell)
    yield members
    members.stop()
    hand_over(lab, cell, HOMES[cell], timeout_s=60)


def services(lab: Environment, host: str, cell: str) -> list[str]:
    """Units of ours that run on a host. An emulated one takes its machine's clock: nobody looks after chrony there."""
    beside = BESIDE if cell == "alpha" else ()
    ours = shlex.join([*(f"{kind}*" for kind in kinds(cell)), *beside])
    command = f"systemctl list-units --type=service --state=running --plain --no-legend {ours}"
    units = [line.split()[0] for line in remote.run(lab, host, command).stdout.splitlines()]
    return [unit for unit in units if not (lab.hosts[host].emulated and unit == "chrony.service")]


def process(lab: Environment, host: str, unit: str) -> tuple[str, int]:
    """State and main process of a unit."""
    shown = remote.run(lab, host, shlex.join(["systemctl", "show", "-p", "ActiveState,MainPID", unit])).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    return values["ActiveState"], int(values["MainPID"])


def kill(lab: Environment, host: str, unit: str) -> float:
    """Kill -9 of all that belongs to a unit; after how many seconds it ran again."""
    _, before = process(lab, host, unit)
    began = time.monotonic()
    remote.run(lab, host, shlex.join(["systemctl", "kill", "--signal=SIGKILL", unit]))
    while True:
        state, now = process(lab, host, unit)
        if state == "active" and now not in (0, before):
            return time.monotonic() - began
        assert time.monotonic() - began < BACK_WITHIN_S, f"{unit} on {host} is {state} after {BACK_WITHIN_S} s"
        time.sleep(0.2)


def kill_all(lab: Environment, host: str, units: list[str], cell: str, of_the_cell: bool) -> list[str]:
    """One after the other, each when the cell can stand it; what happened, a line each."""
    told = []
    for unit in units:
        if unit.startswith(ALL) == of_the_cell:
            took_s = kill(lab, host, unit)
            if of_the_cell:
                wait_until(lab, cell, lambda view: unwell(lab, view), timeout_s=60)
            told.append(f"{host:10} {unit:34} ran again after {took_s:.1f} s")
    return told


def unwell(lab: Environment, view: View) -> str | None:
    """Why the cell could not stand the loss of the next service; an emulated core may take its time."""
    if view.members_down:
        return f"journal members down: {', '.join(view.members_down)}"
    if not view.leader or not view.leads(view.leader):
        return "nobody leads"
    newest = max(core.head for core in view.cores.values())
    slow = [name for name, host in lab.hosts.items() if host.emulated]
    behind = [core.core for core in view.cores.values() if core.head < newest - 1000 or core.age_ms > 5000]
    behind = [core for core in behind if core.split("/")[0] not in slow]
    return f"behind or silent: {', '.join(behind)}" if behind else None


def test_no_service_is_missed_for_long_and_no_order_is_lost(
    lab: Environment, cell: str, trading: Trading, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = list(lab.hosts)
    with ThreadPoolExecutor(len(hosts)) as pool:
        running = dict(zip(hosts, pool.map(lambda host: services(lab, host, cell), hosts), strict=True))
    assert {
        kind for units in running.values() for unit in units for kind in kinds(cell) if unit.startswith(kind)
    } == set(kinds(cell))
    trading.begin()
    began, told = time.monotonic(), []
    with ThreadPoolExecutor(len(hosts)) as pool:  # what only watches and logs may go everywhere at once
        told += [
            line
            for lines in pool.map(lambda host: kill_all(lab, host, running[host], cell, False), hosts)
            for line in lines
        ]
    # The slow host's first: its core reads the whole log again.
    for host in sorted(hosts, key=lambda host: not lab.hosts[host].emulated):
        told += kill_all(lab, host, running[host], cell, True)
    ended = time.monotonic() - began
    with capsys.disabled():
        print("\n" + "\n".join(told))
    assert ended < LOAD_S, f"the load ended before the last kill ({ended:.0f} s)"
    trading.end()
    report = trading.judged()
    assert (report.verdict, report.lost, report.findings) == (Verdict.PASS, [], []), report.why
    view = observe(lab, cell)
    assert (view.members_down, view.quarantined, view.halted) == ([], (), False)
