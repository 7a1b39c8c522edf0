"""What a switch would cost, for a person to say yes or no to."""

from __future__ import annotations

from dingli.status import CoreStatus
from dingli.switch.decision import Action, Decision
from dingli.switch.history import Measured

__all__ = ["as_lines", "gap_line"]


def as_lines(decision: Decision, measured: Measured | None) -> list[str]:
    """A line each; refusals last."""
    leader = f"{decision.leader} (site {decision.leader_site}), epoch {decision.epoch}" if decision.leader else "nobody"
    lines = [f"cell {decision.cell}: led by {leader}, head {decision.head}"]
    if decision.action is Action.NOTHING:
        return [*lines, f"{decision.target} leads already: nothing to do"]
    what = "takes over" if decision.action is Action.TAKEOVER else "would take over"
    if decision.core is not None:
        lines.append(f"  {what + ':':17}{_core(decision.core)}")
    others = [one for one in decision.candidates if one.core.core != decision.target]
    for one in others if decision.target else ():
        lines.append(f"  {'not chosen:':17}{one.core.core}" + (f": {one.reasons[0]}" if one.reasons else ""))
    lines.append(f"  {'expected gap:':17}{gap_line(measured)}")
    lines.append(f"  {'journal leader:':17}{decision.journal}")
    stay = "stay connected; gateways submit again what was not confirmed" if decision.leader else "wait for a leader"
    lines.append(f"  {'sessions:':17}{decision.sessions} logged on, {stay}")
    lines += [f"  {'note:':17}{line}" for line in decision.warnings]
    lines += [f"  {'refused:':17}{line}" for line in decision.refusals]
    return lines


def gap_line(measured: Measured | None) -> str:
    """What to expect of the gap."""
    if measured is None:
        return "not measured yet"
    told = f"{measured.gap_s:.2f} s, measured in {measured.run}"
    return told if measured.exact else f"{told} for another core"


def _core(core: CoreStatus) -> str:
    processor = ", emulated" if core.emulated else ""
    clock = "" if core.clock_ms is None else f", clock {core.clock_ms[0]:+d} to {core.clock_ms[1]:+d} ms from here"
    return (
        f"{core.core} (site {core.site}, {core.kind}{processor}, {core.takeover}): head {core.head}, "
        f"lag {core.lag_ms} ms, hash {core.hash.value}{clock}"
    )
