"""How an item is judged: its sub-points, each a pure function of evidence and policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.judgement.policy import Policy
from audit.judgement.verdict import Verdict
from audit.records import ObjectEvidence


@dataclass(frozen=True)
class Finding:
    """What was seen on one object for one sub-point, in the words of the record sheet (结果记录)."""

    verdict: Verdict
    text_zh: str


def finding(problems: list[str], fine_zh: str) -> Finding:
    """符合 with `fine_zh`, or 不符合 naming every problem."""
    if problems:
        return Finding(Verdict.NONCOMPLIANT, "；".join(problems))
    return Finding(Verdict.COMPLIANT, fine_zh)


@dataclass(frozen=True)
class SubPoint:
    """One point of an item. `records` are the names, or prefixes ending in `*`, of the evidence it rests on."""

    key: str
    label_zh: str
    records: tuple[str, ...]
    judge: Callable[[ObjectEvidence, Policy], Finding]
    decisive: bool = True


@dataclass(frozen=True)
class ItemRule:
    """How one item of the catalogue is judged on a host."""

    item_id: str
    method_zh: str
    sub_points: tuple[SubPoint, ...]
