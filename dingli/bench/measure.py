"""Measures everything that exists so far, prints it beside the targets, and writes bench.json."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from dingli.bench.commands import BenchFailed, dingli, forget_lab, timed
from dingli.bench.keys import KEYS, Figures
from dingli.bench.load import e2e
from dingli.bench.refresh import refresh
from dingli.bench.scale import scale
from dingli.cell import hand_over
from dingli.environment import Cell, Environment, Takeover, load, project_root, state_dir
from dingli.exceptions import InputError

__all__ = ["measure", "wanted"]

_BY_NAME_ONLY = {"refresh"}
"""Steps that take longer than all others together, and run only if they are asked for."""
Step = tuple[str, tuple[str, ...], Callable[[], dict[str, float]]]


def _up(name: str) -> dict[str, float]:
    forget_lab()
    began = time.monotonic()
    timed("lab", "up")
    timed("up", name)
    cold = time.monotonic() - began
    return {"up_cold_s": round(cold, 1), "up_noop_s": round(timed("up", name), 1)}


def _drill(
    environment: Environment, cell: Cell, drill: str, repetitions: int, *options: str, figure: str = "service_rto_s"
) -> list[dict[str, Any]]:
    """The reports of so many runs, every one a pass."""
    if "" in options:
        raise BenchFailed(f"no core of {cell.name} that could take over as asked", "one", "see its cores")
    hand_over(environment, cell.name, cell.home.core_id)
    words = ("drill", drill, environment.name, "--yes", "--json", "--cell", cell.name, *options)
    reports = []
    for number in range(1, repetitions + 1):
        report = dingli(*words, allowed=(0, 1, 3))
        if report["verdict"] != "pass":
            raise BenchFailed(
                f"run {number} of {repetitions} ended as {report['verdict']}: {'; '.join(report['reasons'])}", "pass"
            )
        elsewhere = "".join(f", {cell} {seen['gap_s']:.2f} s" for cell, seen in report["other_cells"].items())
        taken_by = report["taken_over_by"]
        print(f"  {drill} {number}: {figure} {report[figure]:.2f}, by {taken_by}{elsewhere}", flush=True)
        reports.append(report)
    return reports


def _worst(values: list[float]) -> float:
    """p95 of a few values: the largest of fewer than twenty."""
    return max(values) if len(values) < 20 else statistics.quantiles(values, n=20)[-1]


def _x86(environment: Environment, cell: Cell, core: str, repetitions: int) -> dict[str, float]:
    reports = _drill(environment, cell, "site_loss", repetitions, "--takeover-by", core, "--load", "40")
    return {
        "site_loss_rto_x86_s": round(_worst([one["service_rto_s"] for one in reports]), 3),
        "site_loss_member_rto_s": round(_worst([one["worst_member_rto_s"] for one in reports]), 3),
        "rpo_commands": sum(one["rpo_commands"] for one in reports),
    }


def _arm(environment: Environment, cell: Cell, core: str) -> dict[str, float]:
    # An emulated core replays a tenth as fast and its lease is twenty times as long.
    slow = ("--takeover-by", core, "--rate", "20", "--load", "150", "--off", "90")
    return {"site_loss_rto_arm_s": round(_drill(environment, cell, "site_loss", 1, *slow)[0]["service_rto_s"], 3)}


def _worst_of(environment: Environment, cell: Cell, drill: str, figure: str, repetitions: int) -> float:
    reports = _drill(environment, cell, drill, repetitions, figure=figure)
    return round(_worst([one[figure] for one in reports]), 3)


def _audit(name: str) -> dict[str, float]:
    began = time.monotonic()
    report = dingli("audit", name, "--json", allowed=(0, 1, 3))
    return {"audit_s": round(time.monotonic() - began, 1), "audit_items": len(report["items"])}


def measure(name: str, only: set[str], repetitions: int, cell: str = "") -> bool:
    """All steps, or those named in `only`; a step that fails leaves its keys null with the reason.

    Whether everything that was asked for has been measured.
    """
    environment = load(name)
    cell = cell or environment.first_cell
    if cell not in environment.cells:
        raise InputError(f"cell {cell!r}", f"one of {', '.join(environment.cells)}", "name it with --cell")
    steps = _steps(environment, environment.cells[cell], repetitions)
    if unknown := only - {step for step, _, _ in steps}:
        raise InputError(f"no measurement {sorted(unknown)}", f"some of {', '.join(step for step, _, _ in steps)}")
    figures = Figures()
    for step, names, how in steps:
        if wanted(step, only):
            began = time.monotonic()
            figures.measure(names, how)
            print(f"{step}: measured in {time.monotonic() - began:.0f} s", flush=True)
    _show(figures)
    _write(name, figures)
    return not any(key.endswith("_why") for key in figures.data)


def wanted(step: str, only: set[str]) -> bool:
    """Whether a step is to run when `only` these were asked for, or none by name."""
    return step in only if only else step not in _BY_NAME_ONLY


def _steps(environment: Environment, cell: Cell, repetitions: int) -> list[Step]:
    name = environment.name
    x86, arm = _candidate(environment, cell, emulated=False), _candidate(environment, cell, emulated=True)
    losses = ("site_loss_rto_x86_s", "site_loss_member_rto_s", "rpo_commands")

    def one(key: str, drill: str, figure: str) -> Step:
        return drill, (key,), lambda: {key: _worst_of(environment, cell, drill, figure, repetitions)}

    return [
        ("up", ("up_cold_s", "up_noop_s"), lambda: _up(name)),
        ("e2e", ("e2e_orders_per_s", "e2e_p99_ms", "e2e_500_p99_ms"), lambda: e2e(environment, cell.name)),
        ("drills", losses, lambda: _x86(environment, cell, x86, repetitions)),
        one("core_kill_rto_s", "core_kill", "service_rto_s"),
        one("core_hang_rto_s", "core_hang", "service_rto_s"),
        one("switch_gap_s", "switch", "switch_gap_s"),
        ("arm", ("site_loss_rto_arm_s",), lambda: _arm(environment, cell, arm)),
        ("scale", _keys("check_1000_", "preview_1000_"), scale),
        ("refresh", _keys("refresh_"), refresh),
        ("audit", ("audit_s", "audit_items"), lambda: _audit(name)),
    ]


def _keys(*beginnings: str) -> tuple[str, ...]:
    return tuple(key.name for key in KEYS if key.name.startswith(beginnings))


def _candidate(environment: Environment, cell: Cell, *, emulated: bool) -> str:
    """The core that takes over when the leader's site is lost; empty where there is none of that kind."""
    home = environment.hosts[cell.home.host].site
    return next(
        (
            core.core_id
            for core in cell.cores
            if core.takeover is Takeover.AUTOMATIC
            and environment.hosts[core.host].site != home
            and environment.hosts[core.host].emulated is emulated
        ),
        "",
    )


def _show(figures: Figures) -> None:
    print(f"\n{'key':26}{'measured':>12}{'first':>10}{'goal':>10}  what")
    for key in KEYS:
        value = figures.data.get(key.name)
        shown = "null" if value is None else f"{value:g}"
        marks = "" if value is None or key.reached(value, key.first) is not False else "  below first light's target"
        first, goal = ("" if one is None else f"{one:g}" for one in (key.first, key.goal))
        print(f"{key.name:26}{shown:>12}{first:>10}{goal:>10}  {key.what}{marks}")
        if value is None:
            print(f"{'':26}{figures.data.get(f'{key.name}_why', 'not measured')[:120]}")


def _write(name: str, figures: Figures) -> None:
    folder = state_dir(name) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-bench.json"
    path.write_text(json.dumps(figures.data, indent=1) + "\n")
    link = project_root() / ".dingli" / "bench.json"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    print(f"\n{path}")
