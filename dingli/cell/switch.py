"""Planned switches of a cell's leadership."""

from __future__ import annotations

import time

from dingli.cell import remote
from dingli.cell.exceptions import CellError
from dingli.cell.view import View, observe, wait_until
from dingli.environment import Environment

__all__ = ["hand_over"]

_ONE_ATTEMPT_S = 6.0


def hand_over(environment: Environment, cell: str, core: str, *, timeout_s: float = 60.0) -> tuple[str, View]:
    """Makes `core` lead and waits until it says so. Gives who led before, and the cell afterwards. CellError.

    A switch lapses when its target has not taken it within half a second, and another core leads on; and it is refused
    while nobody leads, as between one leader and the next. It is asked for again then, until the time is over.
    """
    before = leader = observe(environment, cell, members=False).leader
    deadline = time.monotonic() + timeout_s
    while True:
        left_s = min(_ONE_ATTEMPT_S, deadline - time.monotonic())
        try:
            if leader not in (core, ""):
                remote.on_any_main_core(environment, cell, "switch", "--to", core)
            view = wait_until(environment, cell, lambda now: _why_not(now, core), timeout_s=left_s, members=False)
            return before, view
        except CellError:
            if time.monotonic() > deadline:
                raise
        left_s = max(0.0, deadline - time.monotonic())
        leader = wait_until(environment, cell, lambda now: None, timeout_s=left_s, members=False).leader


def _why_not(view: View, core: str) -> str | None:
    return None if view.leads(core) else f"{view.leader or 'nobody'} leads, not {core}"
