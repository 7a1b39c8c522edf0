"""Judgement, one data file for each case: what was changed in the evidence, and what must come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from audit import catalogue
from audit.catalogue import ObjectClass
from audit.judgement import engine, policy
from audit.judgement.engine import ObjectResult
from audit.judgement.verdict import Verdict
from audit.records import ObjectEvidence
from tests.unit.audit import baseline

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def rows(evidence: ObjectEvidence) -> dict[str, ObjectResult]:
    assessment = engine.judge([evidence], catalogue.load(), policy.load())
    return {row.item: row for row in assessment.objects if row.object_class is ObjectClass.HOST}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path) -> None:
    case: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    records = baseline.compliant_records()
    for change in case["changes"]:
        records = baseline.changed(records, change)
    row = rows(baseline.evidence(records))[case["item"]]
    found = {point.key: point.verdict for point in row.sub_points}
    assert {key: found[key] for key in case["sub_points"]} == case["sub_points"], row.text_zh
    assert row.verdict == case["verdict"], row.text_zh


def test_every_item_complies_on_the_baseline() -> None:
    found = {
        item: (row.verdict, row.text_zh) for item, row in rows(baseline.evidence(baseline.compliant_records())).items()
    }
    assert {verdict for verdict, _ in found.values()} == {Verdict.COMPLIANT}, found
    assert set(found) == {"8.1.4.1.a", "8.1.4.1.b", "8.1.4.1.c", "8.1.4.2.b"}


def test_every_sub_point_can_fail() -> None:
    broken = {
        (case["item"], key)
        for case in (yaml.safe_load(file.read_text(encoding="utf-8")) for file in CASES)
        for key, verdict in case["sub_points"].items()
        if verdict not in ("compliant", "error")
    }
    assert broken == {(rule.item_id, point.key) for rule in engine.HOST_RULES for point in rule.sub_points}


@pytest.mark.parametrize("name", sorted(baseline.compliant_records()))
def test_a_missing_record_is_an_error_and_never_a_pass(name: str) -> None:
    records = baseline.compliant_records()
    del records[name]
    complete = rows(baseline.evidence(baseline.compliant_records()))
    for item, row in rows(baseline.evidence(records)).items():
        cited = {citation.file for citation in complete[item].evidence}
        expected = Verdict.ERROR if f"raw/{baseline.HOST}.{name}.json" in cited else Verdict.COMPLIANT
        assert row.verdict is expected, (item, row.text_zh)


def test_an_object_without_any_evidence_is_an_error_on_every_item() -> None:
    assert {row.verdict for row in rows(baseline.evidence({})).values()} == {Verdict.ERROR}


def test_classes_of_objects_that_were_not_checked_are_listed_as_such() -> None:
    assessment = engine.judge([], catalogue.load(), policy.load())
    assert {row.verdict for row in assessment.objects} == {Verdict.NOT_CHECKED}
    item = next(item for item in assessment.items if item.item == "8.1.4.1.a")
    assert item.verdict is Verdict.NOT_CHECKED
    assert set(item.not_checked) == {ObjectClass.DB, ObjectClass.NETWORK, ObjectClass.CLOUD_API, ObjectClass.APP}


def test_guide_values_are_the_catalogues() -> None:
    guide = policy.load().guide.model_dump()
    assert guide == {name: catalogue.load().meta.guide_values[name] for name in guide}
