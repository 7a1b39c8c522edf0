"""Planned switches of a cell's leadership."""

from __future__ import annotations

from dingli.cell import remote
from dingli.cell.view import View, observe, wait_until
from dingli.environment import Environment

__all__ = ["hand_over"]


def hand_over(environment: Environment, cell: str, core: str, *, timeout_s: float = 30.0) -> tuple[str, View]:
    """Makes `core` lead and waits until it says so. Gives who led before, and the cell afterwards. CellError."""
    before = observe(environment, cell, members=False).leader
    if before != core:
        remote.on_any_main_core(environment, cell, "switch", "--to", core)
    after = wait_until(
        environment,
        cell,
        lambda view: None if view.leads(core) else f"{view.leader or 'nobody'} leads, not {core}",
        timeout_s=timeout_s,
    )
    return before, after
