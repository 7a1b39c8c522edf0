"""The report as data: what all three renderings are made from."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from audit.catalogue import Automation, Catalogue, Item
from audit.judgement.engine import Assessment, ItemResult, ObjectResult, judged_items
from audit.judgement.verdict import Verdict
from audit.waivers import Waiver


class WaiverNote(BaseModel):
    """A waiver as the report lists it; `expired` on the day of the audit, `applies` if a row has its item."""

    model_config = ConfigDict(frozen=True)

    waiver: Waiver
    expired: bool
    applies: bool


class OpenItem(BaseModel):
    """An item that nothing was judged about: what a person has to look at, or why it was left out."""

    model_config = ConfigDict(frozen=True)

    item: str
    unit_28448: str
    domain_zh: str
    control_point_zh: str
    label_zh: str
    label_en: str
    verdict: Verdict
    why_zh: str
    why_en: str
    look_at: tuple[str, ...]


class Report(BaseModel):
    """`judged_at` is the audit's own time, so that judging again offline gives the same report."""

    model_config = ConfigDict(frozen=True)

    environment: str
    judged_at: datetime
    catalogue_title: str
    catalogue_note: str
    catalogue_sha256: str
    policy_sha256: str
    catalogue_items: int
    items: tuple[ItemResult, ...]
    objects: tuple[ObjectResult, ...]
    open_items: tuple[OpenItem, ...]
    waivers: tuple[WaiverNote, ...]

    @property
    def not_checked_items(self) -> int:
        return self.catalogue_items - len(self.items)

    @property
    def left_to_people(self) -> int:
        return sum(1 for item in self.open_items if item.verdict is Verdict.NEEDS_PERSON)

    def rows_for_a_person(self) -> tuple[ObjectResult, ...]:
        """Rows that were examined and of which a point is left to a person."""
        return tuple(
            row for row in self.objects if any(point.verdict is Verdict.NEEDS_PERSON for point in row.sub_points)
        )

    def counts(self) -> dict[Verdict, int]:
        """Rows (object × item) by verdict. It is a count, not a score."""
        found = Counter(row.verdict for row in self.objects)
        return {verdict: found.get(verdict, 0) for verdict in Verdict}

    def waivers_of(self, row: ObjectResult) -> tuple[WaiverNote, ...]:
        return tuple(note for note in self.waivers if note.waiver.covers(row.item, row.object))

    @property
    def outcome(self) -> Verdict:
        """For the exit status of commands: 不符合 if anything fails, 符合 if all complies, else an open answer."""
        found = {item.verdict for item in self.items}
        if found & {Verdict.NONCOMPLIANT, Verdict.PARTIAL}:
            return Verdict.NONCOMPLIANT
        if Verdict.ERROR in found:
            return Verdict.ERROR
        return Verdict.COMPLIANT if found <= {Verdict.COMPLIANT, Verdict.NOT_APPLICABLE} else Verdict.NEEDS_PERSON


def make(
    assessment: Assessment,
    catalogue: Catalogue,
    waivers: tuple[Waiver, ...],
    *,
    environment: str,
    judged_at: datetime,
    catalogue_sha256: str,
    policy_sha256: str,
) -> Report:
    today: date = judged_at.date()
    notes = tuple(
        WaiverNote(
            waiver=waiver,
            expired=waiver.expired(today),
            applies=any(waiver.covers(row.item, row.object) for row in assessment.objects),
        )
        for waiver in waivers
    )
    judged = {item.item for item in assessment.items}
    return Report(
        environment=environment,
        judged_at=judged_at,
        catalogue_title=catalogue.meta.title,
        catalogue_note=catalogue.meta.note,
        catalogue_sha256=catalogue_sha256,
        policy_sha256=policy_sha256,
        catalogue_items=len(catalogue.items),
        items=assessment.items,
        objects=assessment.objects,
        open_items=tuple(_open(item) for item in catalogue.items if item.id not in judged),
        waivers=notes,
    )


def _open(item: Item) -> OpenItem:
    if item.id in judged_items():
        verdict, zh, en = Verdict.NOT_CHECKED, "本次未选", "not selected this time"
    elif item.automation is Automation.AUTO:
        verdict, zh, en = Verdict.NOT_CHECKED, "尚无自动核查", "no automatic check yet"
    else:
        verdict, zh, en = Verdict.NEEDS_PERSON, "须由人核查", "a person has to look"
    return OpenItem(
        item=item.id,
        unit_28448=item.unit_28448,
        domain_zh=item.domain_zh,
        control_point_zh=item.control_point_zh,
        label_zh=item.label_zh,
        label_en=item.requirement_en,
        verdict=verdict,
        why_zh=zh,
        why_en=en,
        look_at=item.how,
    )
