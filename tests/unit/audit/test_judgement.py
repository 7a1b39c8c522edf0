"""Judgement, one data file for each case: what was changed in the evidence, and what must come out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit import catalogue
from audit.catalogue import Automation
from audit.judgement import engine, policy
from audit.judgement.engine import ObjectResult
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence
from audit.signatures import Signature
from tests.unit.audit import baseline

Case = tuple[str, dict[str, Any]]
TELNET = "tcp LISTEN 0 5 0.0.0.0:23 0.0.0.0:*\n"
# A machine cannot say yes to these; on the best of hosts a person still has to look.
FOR_A_PERSON = {
    "8.1.3.1.d",
    "8.1.4.1.d",
    "8.1.4.2.d",
    "8.1.4.2.g",
    "8.1.4.4.e",
    "8.1.4.5.a",
    "8.1.4.6.a",
    "8.1.4.10.a",
}


def _cases() -> list[Case]:
    """A file holds one case, or several by name."""
    found: list[Case] = []
    for file in sorted((Path(__file__).parent / "cases").glob("*.yaml")):
        held = yaml.safe_load(file.read_text(encoding="utf-8"))
        found += (
            [(file.stem, held)] if "item" in held else [(f"{file.stem}: {name}", one) for name, one in held.items()]
        )
    return found


CASES = _cases()


def rows(evidence: ObjectEvidence) -> dict[str, ObjectResult]:
    assessment = engine.judge([evidence], catalogue.load(), policy.load())
    return {row.item: row for row in assessment.objects if row.kind is evidence.kind}


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(case: dict[str, Any]) -> None:
    kind = ObjectKind(case.get("kind", "host"))
    records = baseline.compliant_records(kind)
    for change in case["changes"]:
        records = baseline.changed(records, change)
    row = rows(baseline.evidence(records, kind))[case["item"]]
    found = {point.key: point.verdict for point in row.sub_points}
    assert {key: found[key] for key in case["sub_points"]} == case["sub_points"], row.text_zh
    assert row.verdict == case["verdict"], row.text_zh


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_every_item_complies_on_the_baseline_or_is_left_to_a_person(kind: ObjectKind) -> None:
    found = rows(baseline.evidence(baseline.compliant_records(kind), kind))
    for item, row in found.items():
        expected = Verdict.NEEDS_PERSON if item in FOR_A_PERSON else Verdict.COMPLIANT
        assert row.verdict is expected, (item, row.text_zh)
    assert set(found) == {rule.item_id for rule in engine.RULES if rule.kind is kind}


def test_there_are_enough_items_and_each_is_within_its_scope() -> None:
    automatic = {item for item in engine.judged_items() if catalogue.load().item(item).automation is Automation.AUTO}
    assert len(automatic) >= 18
    for rule in engine.RULES:
        assert rule.kind.object_class in catalogue.load().item(rule.item_id).scope, rule.item_id


def test_every_sub_point_can_fail() -> None:
    broken = {
        (case["item"], case.get("kind", "host"), key)
        for _, case in CASES
        for key, verdict in case["sub_points"].items()
        if verdict not in ("compliant", "error")
    }
    wanted = {(rule.item_id, rule.kind.value, point.key) for rule in engine.RULES for point in rule.sub_points}
    assert wanted - broken == set()
    assert broken - wanted == set()


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_a_missing_record_is_an_error_and_never_a_pass(kind: ObjectKind) -> None:
    whole = baseline.compliant_records(kind)
    complete = rows(baseline.evidence(whole, kind))
    for name in whole:
        records = {other: record for other, record in whole.items() if other != name}
        for item, row in rows(baseline.evidence(records, kind)).items():
            cited = {citation.file for citation in complete[item].evidence}
            rests = f"raw/{baseline.NAMES[kind]}.{name}.json" in cited
            expected = Verdict.ERROR if rests else complete[item].verdict
            assert row.verdict is expected, (name, item, row.text_zh)


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_an_object_without_any_evidence_is_an_error_on_every_item(kind: ObjectKind) -> None:
    assert {row.verdict for row in rows(baseline.evidence({}, kind)).values()} == {Verdict.ERROR}


def test_what_does_not_apply_needs_a_signature_that_says_so() -> None:
    whole = baseline.evidence(baseline.compliant_records())

    def verdict(*signatures: Signature) -> Verdict:
        assessment = engine.judge([whole], catalogue.load(), policy.load(), signatures=signatures)
        return next(row for row in assessment.objects if row.item == "8.1.3.1.d").verdict

    reason = "servers stand in a rack without radio"
    signed = Signature(item="8.1.3.1.d", reason=reason, signed_by="Li Lei", on=date(2026, 11, 20))
    assert verdict() is Verdict.NEEDS_PERSON
    assert verdict(signed) is Verdict.NOT_APPLICABLE
    assert verdict(signed.model_copy(update={"object": "standby-1"})) is Verdict.NEEDS_PERSON


def test_a_signature_changes_nothing_that_applies() -> None:
    records = baseline.changed(baseline.compliant_records(), {"record": "listeners", "append": TELNET})
    signed = Signature(item="8.1.4.1.c", reason="we never use telnet", signed_by="Li Lei", on=date(2026, 11, 20))
    assessment = engine.judge([baseline.evidence(records)], catalogue.load(), policy.load(), signatures=[signed])
    assert next(row for row in assessment.objects if row.item == "8.1.4.1.c").verdict is Verdict.NONCOMPLIANT


def test_a_clause_selects_its_items_and_not_those_that_only_look_alike() -> None:
    whole = baseline.evidence(baseline.compliant_records())
    assessment = engine.judge([whole], catalogue.load(), policy.load(), beginnings=["8.1.4.1"])
    assert {item.item for item in assessment.items} == {"8.1.4.1.a", "8.1.4.1.b", "8.1.4.1.c", "8.1.4.1.d"}


def test_classes_of_objects_that_were_not_checked_are_listed_as_such() -> None:
    assessment = engine.judge([], catalogue.load(), policy.load())
    assert {row.verdict for row in assessment.objects} == {Verdict.NOT_CHECKED}
    item = next(item for item in assessment.items if item.item == "8.1.4.1.a")
    assert item.verdict is Verdict.NOT_CHECKED
    assert set(item.not_checked) == set(catalogue.load().item("8.1.4.1.a").scope)


def test_guide_values_are_the_catalogues() -> None:
    guide = policy.load().guide.model_dump()
    assert guide == {name: catalogue.load().meta.guide_values[name] for name in guide}
