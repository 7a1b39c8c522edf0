"""Whether the journal has a majority that agrees on a leader."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dingli.cell.members import member_status
from dingli.environment import Environment
from dingli.gate.check import Finding, State

__all__ = ["quorum"]


def quorum(environment: Environment) -> Finding:
    """Passed if all members answer and name one leader; failed if a majority is missing, or members are."""
    members = environment.journal.members
    with ThreadPoolExecutor(len(members)) as executor:
        found = dict(zip(members, executor.map(lambda name: member_status(environment, name), members), strict=True))
    names = {status["Status"]["header"]["member_id"]: name for name, status in found.items() if status}
    leaders = {status["Status"]["leader"] for status in found.values() if status}
    silent = [name for name, status in found.items() if not status]
    if len(names) <= len(members) // 2 or len(leaders) != 1 or 0 in leaders:
        return Finding(State.FAILED, f"no majority with one leader; without an answer: {', '.join(silent) or 'none'}")
    leader = names.get(leaders.pop(), "a silent member")
    text = f"{len(names)} of {len(members)} members, leader {leader}"
    return Finding(
        State.FAILED if silent else State.PASSED, text + (f"; silent: {', '.join(silent)}" if silent else "")
    )
