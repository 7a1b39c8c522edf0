"""Whether every cell is led, by the core that should lead it, and its other cores keep up."""

from __future__ import annotations

from dingli.cell import View, observe
from dingli.environment import Cell, Environment, Takeover
from dingli.gate.check import Finding, State

__all__ = ["leadership", "why_not_led"]


def leadership(environment: Environment) -> Finding:
    """Passed if each cell has a leader that says so itself, and every declared core lives and none is quarantined."""
    texts, problems = [], []
    for cell in environment.cells.values():
        view = observe(environment, cell.name, members=False)
        reason = why_not_led(view, cell)
        if reason is not None:
            problems.append(f"{cell.name}: {reason}")
        texts.append(f"{cell.name} led by {view.leader or 'nobody'}, epoch {view.epoch}, {len(view.cores)} cores")
    return Finding(State.FAILED, "; ".join(problems)) if problems else Finding(State.PASSED, "; ".join(texts))


def why_not_led(view: View, cell: Cell) -> str | None:
    """The first reason against it, or None."""
    if view.halted:
        return "halted: no majority of cores agrees; see docs/operations.md"
    if view.quarantined:
        return f"quarantined: {', '.join(view.quarantined)}"
    if not view.leader:
        first = next(core.core_id for core in cell.cores if core.takeover is Takeover.AUTOMATIC)
        return f"nobody leads, expected {first}"
    if not view.leads(view.leader):
        return f"{view.leader} holds the leader key and does not say that it leads"
    silent = [core.core_id for core in cell.cores if core.core_id not in view.cores]
    return f"cores that have said nothing: {', '.join(silent)}" if silent else None
