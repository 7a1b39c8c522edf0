"""Whether every cell is led, by the core that should lead it, and its other cores keep up."""

from __future__ import annotations

from collections.abc import Mapping

from dingli.cell import View, observe
from dingli.environment import Cell, Environment, Takeover
from dingli.gate.check import Finding, State

__all__ = ["judge_leadership", "leadership", "why_not_led"]


def leadership(environment: Environment) -> Finding:
    """Asks every cell."""
    return judge_leadership(
        environment, {name: observe(environment, name, members=False) for name in environment.cells}
    )


def judge_leadership(environment: Environment, views: Mapping[str, View]) -> Finding:
    """Passed if each cell has a leader that says so itself, and every declared core lives and none is quarantined."""
    texts, problems = [], []
    for name, view in views.items():
        reason = why_not_led(view, environment.cells[name])
        if reason is not None:
            problems.append(f"{name}: {reason}")
        texts.append(f"{name} led by {view.leader or 'nobody'}, epoch {view.epoch}, {len(view.cores)} cores")
    return Finding(State.FAILED, "; ".join(problems)) if problems else Finding(State.PASSED, "; ".join(texts))


def why_not_led(view: View, cell: Cell) -> str | None:
    """The first reason against it, or None."""
    if view.halted:
        return f"halted: {view.halt_reason or 'no majority of cores agrees'}; see docs/operations.md"
    if view.quarantined:
        return f"quarantined: {', '.join(view.quarantined)}"
    if not view.leader:
        first = next(core.core_id for core in cell.cores if core.takeover is Takeover.AUTOMATIC)
        return f"nobody leads, expected {first}"
    if not view.leads(view.leader):
        return f"{view.leader} holds the leader key and does not say that it leads"
    silent = [core.core_id for core in cell.cores if core.core_id not in view.cores]
    return f"cores that have said nothing: {', '.join(silent)}" if silent else None
