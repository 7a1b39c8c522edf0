"""Orders through FIX: the rate that a cell carries with its slowest hundredth under a bound."""

from __future__ import annotations

import csv
import io
import shlex
import time

from dingli.bench.commands import BenchFailed
from dingli.cell import remote
from dingli.environment import Environment
from dingli.power import power_off, power_on

__all__ = ["e2e"]

RATES = (500, 750, 1_000, 1_500, 2_000, 3_000, 4_000)
SECONDS = 25
P99_LIMIT_MS = 50.0


def e2e(environment: Environment, cell: str) -> dict[str, float]:
    """Highest rate, its p99, p99 at 500: rates rise until p99 passes the limit or orders fall behind."""
    emulated = [name for name, host in environment.hosts.items() if host.emulated]
    for host in emulated:  # speed is measured on processors that are there
        power_off(environment, host, 600)
    try:
        return _rising(environment, cell)
    finally:
        for host in emulated:
            power_on(environment, host)


def _rising(environment: Environment, cell: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for rate in RATES:
        achieved, p99_ms, failures = _one(environment, cell, rate)
        if rate == RATES[0]:
            figures["e2e_500_p99_ms"] = p99_ms
        if failures or p99_ms > P99_LIMIT_MS or achieved < 0.95 * rate:
            break
        figures |= {"e2e_orders_per_s": round(achieved, 1), "e2e_p99_ms": p99_ms}
    return figures


def _one(environment: Environment, cell: str, rate: int) -> tuple[float, float, int]:
    """Achieved orders a second, p99 in ms from the scheduled time, failures."""
    host = next(host.name for host in environment.hosts.values() if not environment.site_of(host.name).trading)
    members = len(environment.cells[cell].members)
    prefix = f"/var/lib/dingli/load/bench-{rate}-{time.time_ns() // 1_000_000_000}"
    words = [
        "/usr/local/bin/dingli-load", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary",
        "--load-config", f"/etc/dingli/load-{cell}.json", "--rate", str(rate), "-u", str(members), "-r", str(members),
        "-t", f"{SECONDS}s", "--stop-timeout", "120", "--csv", prefix,
    ]  # fmt: skip
    unit = [
        "systemd-run",
        "--wait",
        "--quiet",
        "--collect",
        "--uid=dingli-load",
        f"--property=RuntimeMaxSec={SECONDS + 240}",
    ]
    remote.run(environment, host, shlex.join([*unit, *words]), timeout_s=SECONDS + 260)
    text = remote.run(environment, host, shlex.join(["cat", f"{prefix}_stats.csv"])).stdout
    for row in csv.DictReader(io.StringIO(text)):
        if row["Name"] == "Aggregated":
            return float(row["Requests/s"]), float(row["99%"]), int(row["Failure Count"])
    raise BenchFailed(f"no total in {prefix}_stats.csv on {host}", "a row `Aggregated`", "run locust by hand")
