"""From evidence to an assessment: object × item, then item. Pure: no clock, no files, no network."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from audit.catalogue import Catalogue, Item, ObjectClass
from audit.exceptions import EvidenceError
from audit.judgement import default_accounts, identity, login_failure, remote_management
from audit.judgement.policy import Policy
from audit.judgement.rules import ItemRule, SubPoint
from audit.judgement.verdict import Part, Verdict, roll_up
from audit.records import ObjectEvidence

HOST_RULES: tuple[ItemRule, ...] = (identity.RULE, login_failure.RULE, remote_management.RULE, default_accounts.RULE)

# A check that crashes has told nothing about the object. What evidence can provoke in a check is listed here; anything
# else is a mistake of this program and ends it.
_CRASHES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class Citation(_Result):
    """A file of evidence with its sum, and when its command ran."""

    file: str
    sha256: str
    at: datetime | None = None


class SubPointResult(_Result):
    """One sub-point on one object."""

    key: str
    label_zh: str
    decisive: bool
    verdict: Verdict
    text_zh: str
    evidence: tuple[Citation, ...]


class ObjectResult(_Result):
    """One row of the record sheet: object × item."""

    object: str
    object_class: ObjectClass
    note: str
    item: str
    unit_28448: str
    control_point_zh: str
    label_zh: str
    method_zh: str
    verdict: Verdict
    sub_points: tuple[SubPointResult, ...]

    @property
    def text_zh(self) -> str:
        return "；".join(f"{point.label_zh}：{point.verdict.label_zh}（{point.text_zh}）" for point in self.sub_points)

    @property
    def evidence(self) -> tuple[Citation, ...]:
        return tuple(dict.fromkeys(citation for point in self.sub_points for citation in point.evidence))

    @property
    def at(self) -> datetime | None:
        return max((citation.at for citation in self.evidence if citation.at), default=None)


class ItemResult(_Result):
    """An item over all objects of the classes that were checked; it says nothing about the classes that were not."""

    item: str
    verdict: Verdict
    covers: tuple[ObjectClass, ...]
    not_checked: tuple[ObjectClass, ...]


class Assessment(_Result):
    """Everything that was judged. There is no overall score."""

    items: tuple[ItemResult, ...]
    objects: tuple[ObjectResult, ...]


def judge(evidence: Iterable[ObjectEvidence], catalogue: Catalogue, policy: Policy) -> Assessment:
    """The assessment of these objects. The same evidence, catalogue and policy always give the same."""
    everything = sorted(evidence, key=lambda one: one.name)
    items, rows = [], []
    for rule in HOST_RULES:
        item = catalogue.item(rule.item_id)
        hosts = [_object(one, item, rule, policy) for one in everything if one.object_class is ObjectClass.HOST]
        others = tuple(one for one in item.scope if one is not ObjectClass.HOST)
        rows += [*hosts, *(_not_checked(item, rule, one) for one in others)]
        items.append(
            ItemResult(
                item=item.id,
                verdict=roll_up(Part(row.verdict) for row in hosts),
                covers=(ObjectClass.HOST,),
                not_checked=others,
            )
        )
    return Assessment(items=tuple(items), objects=tuple(rows))


def _object(evidence: ObjectEvidence, item: Item, rule: ItemRule, policy: Policy) -> ObjectResult:
    if not evidence.examined:
        return _row(item, rule, evidence.object_class, evidence.name, "本次未选", Verdict.NOT_CHECKED, ())
    points = tuple(_sub_point(evidence, point, policy) for point in rule.sub_points)
    verdict = roll_up(Part(point.verdict, point.decisive) for point in points)
    return _row(item, rule, evidence.object_class, evidence.name, evidence.note, verdict, points)


def _not_checked(item: Item, rule: ItemRule, object_class: ObjectClass) -> ObjectResult:
    name = f"{object_class.label_zh}（全部）"
    return _row(item, rule, object_class, name, "此类测评对象尚无自动核查", Verdict.NOT_CHECKED, ())


def _row(
    item: Item,
    rule: ItemRule,
    object_class: ObjectClass,
    name: str,
    note: str,
    verdict: Verdict,
    points: tuple[SubPointResult, ...],
) -> ObjectResult:
    return ObjectResult(
        object=name,
        object_class=object_class,
        note=note,
        item=item.id,
        unit_28448=item.unit_28448,
        control_point_zh=item.control_point_zh,
        label_zh=item.label_zh,
        method_zh=rule.method_zh if points else "",
        verdict=verdict,
        sub_points=points,
    )


def _sub_point(evidence: ObjectEvidence, point: SubPoint, policy: Policy) -> SubPointResult:
    try:
        found = point.judge(evidence, policy)
        verdict, text = found.verdict, found.text_zh
    except EvidenceError as error:
        verdict, text = Verdict.ERROR, f"取证失败：{_one_line(error)}"
    except _CRASHES as error:
        verdict, text = Verdict.ERROR, f"核查程序出错：{type(error).__name__}: {_one_line(error)}"
    return SubPointResult(
        key=point.key,
        label_zh=point.label_zh,
        decisive=point.decisive,
        verdict=verdict,
        text_zh=text,
        evidence=_cited(evidence, point),
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _cited(evidence: ObjectEvidence, point: SubPoint) -> tuple[Citation, ...]:
    """The files a sub-point rests on; when the gathering itself failed, the file that tells so."""
    patterns = (*point.records, "gather")
    names = [name for name in evidence.records if any(fnmatchcase(name, pattern) for pattern in patterns)]
    return tuple(
        Citation(file=stored.file, sha256=stored.sha256, at=stored.record.started if stored.record else None)
        for stored in (evidence.records[name] for name in names)
    )
