"""Members and a probe trade on a cell of real processes while its leading core is killed; the checker decides."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drills import measure
from tests.live.gateway import cell as cells
from tests.live.gateway.cell import Cell
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
MEMBERS, PROBES = ["M001", "M002", "M003", "M004"], ["PROBE1", "PROBE2"]
RATE, SECONDS = 100, 8
LEASE_S = 4
FIRST, SECOND = "host-1/main", "host-2/main"


@dataclass
class Traded:
    """What a load with a kill in its middle left behind."""

    folder: Path
    killed_ns: int
    locust: str
    statuses: dict[str, int]


def _environment() -> dict[str, str]:
    paths = [ROOT, *(ROOT / "app" / part for part in ("core", "etcd"))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}


def _load_config(cell: Cell) -> Path:
    ports = {name: cell.start_gateway(name, fix_tls=False) for name in ("g1", "g2")}
    config = {
        "cell": cells.CELL,
        "gateways": [{"name": name, "host": "127.0.0.1", "port": port} for name, port in ports.items()],
        "instruments": [{"symbol": "WIDGET", "tick": 100, "min_price": 100, "max_price": 10_000_000}],
        "passwords": dict.fromkeys(MEMBERS + PROBES, cells.PASSWORD),
        "ca": None,
    }
    path = cell.folder / "load.json"
    path.write_text(json.dumps(config))
    return path


def _start_load(config: Path, into: Path) -> dict[str, subprocess.Popen[str]]:
    locust = [
        str(Path(sys.executable).with_name("locust")), "-f", "loadtests/locustfile.py", "--headless", "--only-summary",
        "--load-config", str(config), "--record", str(into), "--rate", str(RATE), "-u", str(len(MEMBERS)),
        "-r", str(len(MEMBERS)), "-t", f"{SECONDS}s", "--stop-timeout", "60",
    ]  # fmt: skip
    probe = [
        sys.executable, "-m", "loadtests.probe", "--config", str(config), "--seconds", str(SECONDS + 1),
        "--rate", "100", "--out", str(into / "probe.jsonl"), "--record", str(into),
    ]  # fmt: skip
    return {
        name: subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True)
        for name, command in (("locust", locust), ("probe", probe))
    }


def _answered(probe: Path) -> int:
    return sum('"epoch": null' not in line for line in probe.read_text().splitlines()[1:]) if probe.exists() else 0


def _dump(cell: Cell, into: Path) -> None:
    command = [sys.executable, "-m", "dingli_core.ctl", "--config", str(cell.folder / "host-1-main.json"), "dump"]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True)
    (into / "journal.jsonl").write_text(done.stdout)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    """The leading core and its supervisor are killed with SIGKILL in the middle of the load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "SESSIONS", MEMBERS + PROBES)
        cell = Cell(tmp_path_factory.mktemp("cell"))
    records = tmp_path_factory.mktemp("records")
    jobs: dict[str, subprocess.Popen[str]] = {}
    try:
        cell.set_policy([FIRST, SECOND])
        cell.start_core(FIRST, lease_s=LEASE_S)
        wait_for(lambda: cell.leader() == FIRST, what="the first core leads")
        cell.start_core(SECOND, lease_s=LEASE_S)
        jobs = _start_load(_load_config(cell), records)
        wait_for(lambda: _answered(records / "probe.jsonl") > RATE * SECONDS // 2, what="half of the load")
        killed_ns = time.time_ns()
        cell.kill(FIRST, signal.SIGKILL)
        wait_for(lambda: cell.leader() == SECOND, what="the second core leads")
        said = {name: job.communicate(timeout=150)[0] for name, job in jobs.items()}
        _dump(cell, records)
        yield Traded(records, killed_ns, said["locust"], {name: job.returncode for name, job in jobs.items()})
    finally:
        for job in jobs.values():
            job.kill()
            job.wait()
        cell.close()


def checked(folder: Path) -> tuple[int, dict[str, Any]]:
    """The checker's exit status and report on a folder."""
    command = [sys.executable, "-m", "drills.checker", str(folder), "--cell", cells.CELL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def _copy(traded: Traded, to: Path) -> Path:
    for path in traded.folder.glob("*.jsonl"):
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_nothing_is_lost_and_every_session_comes_to_rest(traded: Traded) -> None:
    status, report = checked(traded.folder)
    assert (status, report["verdict"], report["findings"]) == (0, "pass", [])
    assert report["counts"]["orders_acknowledged"] > RATE * SECONDS  # members and probe together
    assert report["counts"]["fills"] > 0
    assert traded.statuses == {"locust": 0, "probe": 0}
    ended = json.loads(next(line for line in traded.locust.splitlines() if line.startswith("{")))
    assert ended == {"sessions": len(MEMBERS), "unresolved": [], "unanswered": 0}


def test_the_probe_saw_the_takeover(traded: Traded) -> None:
    orders = measure.read_probe(traded.folder / "probe.jsonl", offset_ns=0)
    assert 0 < measure.service_rto_s(orders, traded.killed_ns) < 30
    assert {one.gateway for one in orders} == {"g1", "g2"}
    for gateway in ("g1", "g2"):  # the schedule was kept through the gap
        due = sorted(one.due_ns for one in orders if one.gateway == gateway)
        assert {later - earlier for earlier, later in pairwise(due)} == {2 * 10**9 // RATE}


def test_no_password_is_in_the_records(traded: Traded) -> None:
    assert all(cells.PASSWORD not in path.read_text() for path in traded.folder.iterdir())


def test_a_journal_without_its_last_acknowledged_entry_fails(traded: Traded, tmp_path: Path) -> None:
    """The proof that the pass above could have been otherwise."""
    folder = _copy(traded, tmp_path)
    entries = (folder / "journal.jsonl").read_text().splitlines()
    cut = max(n for n, line in enumerate(entries) if b"PROBE1-" in base64.b64decode(json.loads(line)["value"]))
    (folder / "journal.jsonl").write_text("\n".join(entries[:cut]) + "\n")
    status, report = checked(folder)
    assert (status, report["verdict"]) == (1, "fail")
    assert any(one.startswith("PROBE1/PROBE1-") for one in report["lost"])


def test_a_record_that_was_cut_off_is_unknown(traded: Traded, tmp_path: Path) -> None:
    record = _copy(traded, tmp_path) / "M001.jsonl"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:-1]))
    status, report = checked(tmp_path)
    assert (status, report["verdict"]) == (3, "unknown")
