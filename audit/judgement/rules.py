"""How an item is judged on one kind of object: its sub-points, each a pure function of evidence and policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audit.judgement.policy import Policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


class Text(NamedTuple):
    """The same words for the record sheet and for English readers."""

    zh: str
    en: str


@dataclass(frozen=True)
class Finding:
    """What was seen on one object for one sub-point, in the words of the record sheet (结果记录)."""

    verdict: Verdict
    text: Text


def finding(problems: Sequence[Text], fine: Text) -> Finding:
    """符合 with `fine`, or 不符合 naming every problem once."""
    if problems:
        return Finding(Verdict.NONCOMPLIANT, together(problems))
    return Finding(Verdict.COMPLIANT, fine)


def together(texts: Sequence[Text]) -> Text:
    """Several findings as one, each once."""
    once = list(dict.fromkeys(texts))
    return Text("；".join(text.zh for text in once), "; ".join(text.en for text in once))


def person(zh: str, en: str) -> Finding:
    """A person has to look: what was seen, and at what."""
    return Finding(Verdict.NEEDS_PERSON, Text(zh, en))


def listed(names: Sequence[object], most: int = 12) -> str:
    """Names for a sentence; a long list is cut, and says so."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} … ({len(names)})"


@dataclass(frozen=True)
class SubPoint:
    """One point of an item. `records` are the names, or prefixes ending in `*`, of the evidence it rests on."""

    key: str
    label: Text
    records: tuple[str, ...]
    judge: Callable[[ObjectEvidence, Policy], Finding]
    decisive: bool = True


@dataclass(frozen=True)
class ItemRule:
    """How one item of the catalogue is judged on one kind of object."""

    item_id: str
    kind: ObjectKind
    method: Text
    sub_points: tuple[SubPoint, ...]
