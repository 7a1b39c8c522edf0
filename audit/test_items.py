"""One test for each object × item: it passes for 符合 only."""

from __future__ import annotations

import pytest

from audit import catalogue
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence


@pytest.mark.parametrize("item", [rule.item_id for rule in engine.RULES if rule.kind is ObjectKind.HOST])
def test_item(evidence: ObjectEvidence, item: str) -> None:
    assessment = engine.judge([evidence], catalogue.load(), policy.load())
    row = next(row for row in assessment.objects if row.item == item and row.kind is ObjectKind.HOST)
    assert row.verdict in (Verdict.COMPLIANT, Verdict.NOT_APPLICABLE), f"{row.verdict.label_zh}: {row.text_zh}"
