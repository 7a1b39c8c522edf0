"""A cell's gateways become fewer and more by one number in the environment file while members trade."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dingli.cell import remote
from dingli.environment import Environment, load
from drills.checker.check import Verdict
from tests.live.drills.trading import Trading
from tests.waiting import wait_for

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
FILE = ROOT / "stacks" / "environments" / "lab.yaml"
DECLARED = "    gateways: [primary-2, standby-1, dr-1]\n"
LOAD_S = 300  # two ups, each of which takes over a minute beside the load


def up() -> None:
    done = subprocess.run(["dingli", "up", "lab"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def lab() -> Iterator[Environment]:
    before = FILE.read_text()
    assert DECLARED in before
    yield load("lab")
    if FILE.read_text() != before:
        FILE.write_text(before)
        up()


@pytest.fixture
def trading(lab: Environment) -> Iterator[Trading]:
    members = Trading(lab, "elastic", LOAD_S, rate=60)
    yield members
    members.stop()


def state(lab: Environment, host: str) -> str:
    unit = "dingli-gateway@alpha.service"
    words = ["systemctl", "show", "--property", "ActiveState,UnitFileState", "--value", unit]
    return " ".join(remote.run(lab, host, shlex.join(words)).stdout.split())


def sessions(lab: Environment, host: str) -> float:
    address, port = lab.hosts[host].address, lab.cells["alpha"].ports.gateway_metrics
    told = remote.run(lab, host, f"curl --silent --fail http://{address}:{port}/metrics").stdout
    return float(next(line for line in told.splitlines() if line.startswith("dingli_gateway_sessions ")).split()[1])


def test_gateways_go_and_come_while_orders_flow_and_none_is_lost(lab: Environment, trading: Trading) -> None:
    whole = FILE.read_text()
    trading.begin()
    wait_for(lambda: sessions(lab, "dr-1") > 0, 120, "members at the gateway that goes", every_s=0.1)

    FILE.write_text(whole.replace(DECLARED, f"{DECLARED}    gateways_running: 2\n", 1))
    up()
    wait_for(lambda: state(lab, "dr-1") == "inactive disabled", 120, "the gateway stops", every_s=0.1)
    members = len(lab.cells["alpha"].members)
    wait_for(
        lambda: sessions(lab, "primary-2") + sessions(lab, "standby-1") >= members,
        120,
        "members elsewhere",
        every_s=0.1,
    )

    FILE.write_text(whole)
    up()
    wait_for(lambda: state(lab, "dr-1") == "active enabled", 120, "the gateway runs", every_s=0.1)

    trading.end()
    report = trading.judged()
    assert (report.verdict, report.lost, report.findings) == (Verdict.PASS, [], []), report.why
