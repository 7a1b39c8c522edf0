"""Whether the journal has a majority that agrees on a leader."""

from __future__ import annotations

from collections.abc import Sequence

from dingli.cell.members import MemberStatus, ask_members
from dingli.environment import Environment
from dingli.gate.check import Finding, State

__all__ = ["judge_quorum", "quorum"]


def quorum(environment: Environment) -> Finding:
    """Asks all members."""
    return judge_quorum(ask_members(environment, environment.journal.members))


def judge_quorum(members: Sequence[MemberStatus]) -> Finding:
    """Passed if all members answer and name one leader; failed if a majority is missing, or members are.

    Unknown if there is no answer from a majority, and the members whose hosts were not reached could be one.
    """
    answered = [one for one in members if one.answered]
    leaders = {one.leader_id for one in answered}
    silent = [one.name for one in members if not one.answered]
    unreached = [one.name for one in members if not one.reached]
    majority = len(members) // 2 + 1
    if len(answered) >= majority and len(leaders) == 1 and 0 not in leaders:
        leader = next((one.name for one in answered if one.leads), "a silent member")
        text = f"{len(answered)} of {len(members)} members, leader {leader}"
        if silent:
            return Finding(State.FAILED, f"{text}; silent: {', '.join(silent)}")
        return Finding(State.PASSED, text)
    if len(answered) < majority <= len(unreached) + sum(one.healthy for one in answered):
        return Finding(State.UNKNOWN, f"not reached from here, so not asked: {', '.join(unreached)}")
    return Finding(State.FAILED, f"no majority with one leader; without an answer: {', '.join(silent) or 'none'}")
