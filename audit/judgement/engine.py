"""From evidence to an assessment: object × item, then item. Pure: no clock, no files, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from audit.catalogue import Catalogue, Item, ObjectClass
from audit.exceptions import EvidenceError
from audit.judgement.all_rules import RULES
from audit.judgement.policy import Policy
from audit.judgement.rules import ItemRule, SubPoint, Text
from audit.judgement.verdict import Part, Verdict, roll_up
from audit.objects import DECLARED, ObjectKind
from audit.records import ObjectEvidence, StoredRecord
from audit.signatures import Signature

__all__ = ["RULES", "Assessment", "Citation", "ItemResult", "ObjectResult", "SubPointResult", "judge", "judged_items"]

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
    label_en: str
    decisive: bool
    verdict: Verdict
    text_zh: str
    text_en: str
    evidence: tuple[Citation, ...]


class ObjectResult(_Result):
    """One row of the record sheet: object × item."""

    object: str
    kind: ObjectKind | None
    object_class: ObjectClass
    note: Text
    item: str
    unit_28448: str
    control_point_zh: str
    label_zh: str
    label_en: str
    method: Text
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


def judged_items() -> tuple[str, ...]:
    """The items that have a rule, in the catalogue's manner of counting."""
    return tuple(dict.fromkeys(rule.item_id for rule in RULES))


def judge(
    evidence: Iterable[ObjectEvidence],
    catalogue: Catalogue,
    policy: Policy,
    *,
    signatures: Sequence[Signature] = (),
    beginnings: Sequence[str] = (),
) -> Assessment:
    """The assessment of these objects. The same evidence, catalogue, policy and signatures always give the same.

    `beginnings` selects items: `8.1.4.1` means 8.1.4.1.a and its neighbours, and not 8.1.4.10.a.
    """
    everything = sorted(evidence, key=lambda one: (list(ObjectKind).index(one.kind), one.name))
    items: list[ItemResult] = []
    rows: list[ObjectResult] = []
    for item_id in judged_items():
        if beginnings and not any(selects(one, item_id) for one in beginnings):
            continue
        item = catalogue.item(item_id)
        rules = {rule.kind: rule for rule in RULES if rule.item_id == item_id}
        found = [_object(one, item, rules[one.kind], policy, signatures) for one in everything if one.kind in rules]
        covers = tuple(dict.fromkeys(row.object_class for row in found))
        others = tuple(one for one in item.scope if one not in covers)
        rows += [*found, *(_not_checked(item, one) for one in others)]
        verdict = roll_up(Part(row.verdict) for row in found)
        items.append(ItemResult(item=item.id, verdict=verdict, covers=covers, not_checked=others))
    return Assessment(items=tuple(items), objects=tuple(rows))


def selects(beginning: str, item_id: str) -> bool:
    """Whether `beginning` is the item or a clause that holds it."""
    return item_id == beginning or item_id.startswith(beginning + ".")


def _object(
    evidence: ObjectEvidence, item: Item, rule: ItemRule, policy: Policy, signatures: Sequence[Signature]
) -> ObjectResult:
    if not evidence.examined:
        return _row(item, rule, evidence, Text("本次未选", "not selected this time"), Verdict.NOT_CHECKED, ())
    points = tuple(
        _signed(_sub_point(evidence, point, policy), item, evidence.name, signatures) for point in rule.sub_points
    )
    verdict = roll_up(Part(point.verdict, point.decisive) for point in points)
    return _row(item, rule, evidence, Text(evidence.note, evidence.note), verdict, points)


def _not_checked(item: Item, object_class: ObjectClass) -> ObjectResult:
    return ObjectResult(
        object=f"{object_class.label_zh}（全部）",
        kind=None,
        object_class=object_class,
        note=Text("此类测评对象没有自动核查", "no automatic check for this class of objects"),
        method=Text("", ""),
        verdict=Verdict.NOT_CHECKED,
        sub_points=(),
        **_of_item(item),
    )


def _row(
    item: Item,
    rule: ItemRule,
    evidence: ObjectEvidence,
    note: Text,
    verdict: Verdict,
    points: tuple[SubPointResult, ...],
) -> ObjectResult:
    return ObjectResult(
        object=evidence.name,
        kind=evidence.kind,
        object_class=evidence.object_class,
        note=note,
        method=rule.method if points else Text("", ""),
        verdict=verdict,
        sub_points=points,
        **_of_item(item),
    )


def _of_item(item: Item) -> dict[str, str]:
    return {
        "item": item.id,
        "unit_28448": item.unit_28448,
        "control_point_zh": item.control_point_zh,
        "label_zh": item.label_zh,
        "label_en": item.requirement_en,
    }


def _signed(point: SubPointResult, item: Item, name: str, signatures: Sequence[Signature]) -> SubPointResult:
    """不适用 stands only with a person's signature beside the rule's reason; without one a person has to look."""
    if point.verdict is not Verdict.NOT_APPLICABLE:
        return point
    signed = next((one for one in signatures if one.covers(item.id, name)), None)
    if signed is None:
        zh, en = "；可按规则判不适用，须由人签字确认", "; the rule says not applicable, which a person has to sign"
        update = {"verdict": Verdict.NEEDS_PERSON, "text_zh": point.text_zh + zh, "text_en": point.text_en + en}
    else:
        zh = f"；{signed.signed_by} 于 {signed.on} 确认：{signed.reason}"
        en = f"; confirmed by {signed.signed_by} on {signed.on}: {signed.reason}"
        update = {"text_zh": point.text_zh + zh, "text_en": point.text_en + en}
    return point.model_copy(update=update)


def _sub_point(evidence: ObjectEvidence, point: SubPoint, policy: Policy) -> SubPointResult:
    try:
        found = point.judge(evidence, policy)
        verdict, text = found.verdict, found.text
    except EvidenceError as error:
        said = _one_line(error)
        verdict, text = Verdict.ERROR, Text(f"取证失败：{said}", f"no evidence: {said}")
    except _CRASHES as error:
        said = f"{type(error).__name__}: {_one_line(error)}"
        verdict, text = Verdict.ERROR, Text(f"核查程序出错：{said}", f"the check crashed: {said}")
    return SubPointResult(
        key=point.key,
        label_zh=point.label.zh,
        label_en=point.label.en,
        decisive=point.decisive,
        verdict=verdict,
        text_zh=text.zh,
        text_en=text.en,
        evidence=_cited(evidence, point),
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _cited(evidence: ObjectEvidence, point: SubPoint) -> tuple[Citation, ...]:
    """The files a sub-point rests on; when the gathering itself failed, the file that tells so."""
    patterns = (*point.records, "gather", "facts", "facts-log", "trouble")
    names = [name for name in evidence.records if any(fnmatchcase(name, pattern) for pattern in patterns)]
    return tuple(_citation(name, evidence.records[name]) for name in names)


def _citation(name: str, stored: StoredRecord) -> Citation:
    """A declaration was not observed at any time."""
    at = stored.record.started if stored.record is not None and name != DECLARED else None
    return Citation(file=stored.file, sha256=stored.sha256, at=at)
