"""What must be true of a running environment: checked after `dingli up`, and asked by `dingli status`.

A check is a function in a module of its own, listed in `CHECKS`, in the order in which they build on each other.
"""

from dingli.gate.check import Check, Finding, State, run_checks
from dingli.gate.leadership import judge_leadership, leadership
from dingli.gate.quorum import judge_quorum, quorum
from dingli.gate.smoke import orders_through, smoke_order

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "State",
    "judge_leadership",
    "judge_quorum",
    "leadership",
    "orders_through",
    "quorum",
    "run_checks",
    "smoke_order",
]

CHECKS: list[Check] = [
    Check("quorum", quorum),
    Check("leadership", leadership),
    Check("smoke order", smoke_order),
]
