"""Verdicts, and the one rule by which parts make up a whole: sub-points an object's result, objects an item's."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """符合情况. ERROR is no result at all: access was missing, evidence was damaged, or a check crashed."""

    COMPLIANT = "compliant"
    PARTIAL = "partial"
    NONCOMPLIANT = "noncompliant"
    NOT_APPLICABLE = "not_applicable"
    NOT_CHECKED = "not_checked"
    NEEDS_PERSON = "needs_person"
    ERROR = "error"

    @property
    def label_zh(self) -> str:
        return _LABELS[self]

    @property
    def label_en(self) -> str:
        return _ENGLISH[self]


_ENGLISH = {
    Verdict.COMPLIANT: "complies",
    Verdict.PARTIAL: "partly",
    Verdict.NONCOMPLIANT: "does not comply",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.NOT_CHECKED: "not checked",
    Verdict.NEEDS_PERSON: "needs a person",
    Verdict.ERROR: "error (no result)",
}
_LABELS = {
    Verdict.COMPLIANT: "符合",
    Verdict.PARTIAL: "部分符合",
    Verdict.NONCOMPLIANT: "不符合",
    Verdict.NOT_APPLICABLE: "不适用",
    Verdict.NOT_CHECKED: "未测评",
    Verdict.NEEDS_PERSON: "需人工",
    Verdict.ERROR: "错误（未得出结论）",
}


class Part(NamedTuple):
    """A part's verdict. A decisive part (关键) that fails decides the whole; objects of an item are never decisive."""

    verdict: Verdict
    decisive: bool = False


def roll_up(parts: Iterable[Part]) -> Verdict:
    """The whole's verdict. The first line that fits applies:

    1. a decisive part is 不符合: 不符合 (no other part could change that);
    2. a part is an error: error;
    3. of the judged parts (符合, 部分符合, 不符合) all are 不符合: 不符合;
    4. a part is 不符合 or 部分符合: 部分符合;
    5. a part needs a person: 需人工;
    6. a part was not checked, or there is no part: 未测评;
    7. every part is 不适用: 不适用;
    8. otherwise 符合: every part is 符合 or 不适用, and one at least is 符合.
    """
    parts = tuple(parts)
    found = {part.verdict for part in parts}
    judged = found & {Verdict.COMPLIANT, Verdict.PARTIAL, Verdict.NONCOMPLIANT}
    rules = (
        (Part(Verdict.NONCOMPLIANT, decisive=True) in parts, Verdict.NONCOMPLIANT),
        (Verdict.ERROR in found, Verdict.ERROR),
        (judged == {Verdict.NONCOMPLIANT}, Verdict.NONCOMPLIANT),
        (bool(found & {Verdict.NONCOMPLIANT, Verdict.PARTIAL}), Verdict.PARTIAL),
        (Verdict.NEEDS_PERSON in found, Verdict.NEEDS_PERSON),
        (Verdict.NOT_CHECKED in found or not found, Verdict.NOT_CHECKED),
        (found == {Verdict.NOT_APPLICABLE}, Verdict.NOT_APPLICABLE),
    )
    return next((verdict for applies, verdict in rules if applies), Verdict.COMPLIANT)
