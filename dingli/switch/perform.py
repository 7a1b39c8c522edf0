"""Doing what was decided, and measuring it in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from dingli.cell import CellError, View, hand_over, remote, wait_until
from dingli.environment import Environment
from dingli.switch.decision import Action, Decision
from dingli.switch.gap import Gap, epoch_at, measure_gap, read_times

__all__ = ["Outcome", "perform"]

_SWITCH_S = 30.0
_TAKEOVER_S = 60.0
_COMMITTED_S = 30.0
_AFTERWARDS_NS = 1_000_000_000
_ENTRIES_BEFORE = 10


@dataclass(frozen=True)
class Outcome:
    """`took_s`: from asking until the target said that it leads and its epoch had committed entries for a second."""

    leader_before: str
    leader: str
    epoch: int
    took_s: float
    gap: Gap

    def plain(self) -> dict[str, Any]:
        """For `--json` and evidence."""
        return asdict(self)


def perform(environment: Environment, decision: Decision, say: Callable[[str], None]) -> Outcome:
    """Raises CellError when the target does not come to lead, or its epoch commits nothing."""
    began = time.monotonic()
    cell, target = decision.cell, decision.target
    if decision.action is Action.TAKEOVER:
        remote.on_any_main_core(environment, cell, "takeover", target)
        say(f"{target} may take over")
        view = _until_it_leads(environment, cell, target)
    else:
        say(f"asking {decision.leader} to hand over to {target}")
        _, view = hand_over(environment, cell, target, timeout_s=_SWITCH_S)
    say(f"{target} leads, epoch {view.epoch}")
    gap = _measure(environment, decision)
    return Outcome(decision.leader, target, gap.epoch, round(time.monotonic() - began, 3), gap)


def _until_it_leads(environment: Environment, cell: str, core: str) -> View:
    def why_not(view: View) -> str | None:
        return None if view.leads(core) else f"{view.leader or 'nobody'} leads, not {core}"

    return wait_until(environment, cell, why_not, timeout_s=_TAKEOVER_S, members=False)


def _measure(environment: Environment, decision: Decision) -> Gap:
    """Reads the log from just before the switch until the new epoch has gone on for a second."""
    deadline = time.monotonic() + _COMMITTED_S
    entries = []
    start = max(1, decision.head - _ENTRIES_BEFORE)
    old_epoch = decision.epoch
    while True:
        output = remote.on_any_main_core(environment, decision.cell, "dump", "--from", str(start))
        entries += read_times(output)
        if entries:
            start = entries[-1].n + 1
            old_epoch = old_epoch or epoch_at(entries, decision.head)
            gap = measure_gap(entries, old_epoch)
            if gap is not None and entries[-1].time_ns - entries[gap.first - entries[0].n].time_ns >= _AFTERWARDS_NS:
                return gap
        if time.monotonic() > deadline:
            raise CellError(
                f"cell {decision.cell}: no second of entries under an epoch newer than {old_epoch}",
                f"entries of {decision.target}",
                "see `dingli status`",
            )
        time.sleep(0.2)
