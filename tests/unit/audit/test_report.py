"""Reports say what was judged, on what evidence; waivers stand beside the verdicts and change none."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from audit import catalogue, waivers
from audit.exceptions import WaiverError
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.report import document, render
from audit.waivers import Waiver
from tests.unit.audit import baseline


def made(*notes: Waiver, break_it: bool = False) -> document.Report:
    records = baseline.compliant_records()
    if break_it:
        telnet = {"record": "listeners", "append": "tcp LISTEN 0 5 0.0.0.0:23 0.0.0.0:* <script>\n"}
        records = baseline.changed(records, telnet)
    return document.make(
        engine.judge([baseline.evidence(records)], catalogue.load(), policy.load()),
        catalogue.load(),
        notes,
        environment="nowhere",
        judged_at=baseline.AT,
        catalogue_sha256="c" * 64,
        policy_sha256="p" * 64,
    )


def waiver(until: date) -> Waiver:
    return Waiver(item="8.1.4.1.c", reason="the old console is replaced in spring", owner="operations", until=until)


def test_a_waiver_never_changes_a_verdict() -> None:
    waived = made(waiver(date(2027, 6, 30)), break_it=True)
    assert waived.objects == made(break_it=True).objects
    assert waived.items == made(break_it=True).items
    assert waived.outcome is Verdict.NONCOMPLIANT
    assert [(note.expired, note.applies) for note in waived.waivers] == [(False, True)]


def test_an_expired_waiver_is_shown_as_such() -> None:
    assert made(waiver(date(2026, 11, 20))).waivers[0].expired


def test_the_page_has_every_column_sum_and_no_reference_outside() -> None:
    report = made(waiver(date(2027, 6, 30)), break_it=True)
    page = render.as_html(report, catalogue.load()).decode()
    for column in (
        "测评对象",
        "编号",
        "控制点",
        "测评项（摘要，非标准原文）",
        "测评方法",
        "结果记录",
        "符合情况",
        "证据（文件 + SHA-256）",
        "时间",
    ):
        assert f'<th><span class="zh">{column}' in page
    assert page.count('class="zh"') == page.count('class="en"')
    assert "<script" not in page
    for row in report.objects:
        for citation in row.evidence:
            assert citation.sha256 in page
    assert "L3-CES1-02" in page
    assert "不符合" in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_escapes_what_hosts_print() -> None:
    records = baseline.changed(
        baseline.compliant_records(), {"record": "accounts", "append": "<script>x:x:0:0::/:/bin/bash\n"}
    )
    assessment = engine.judge([baseline.evidence(records)], catalogue.load(), policy.load())
    report = made().model_copy(update={"objects": assessment.objects})
    assert "<script>" not in render.as_html(report, catalogue.load()).decode()


def test_junit_counts_failures_and_what_was_not_checked() -> None:
    suite = ElementTree.fromstring(render.as_junit(made(break_it=True)))
    rows = made(break_it=True).objects
    good = sum(1 for row in rows if row.verdict is Verdict.COMPLIANT)
    assert suite.get("errors") == "0"
    assert int(suite.get("failures", "0")) == sum(1 for row in rows if row.verdict is Verdict.NONCOMPLIANT) > 0
    assert len(rows) == good + int(suite.get("failures", "0")) + int(suite.get("skipped", "0"))


def test_json_comes_back_as_the_same_report() -> None:
    report = made(waiver(date(2027, 6, 30)))
    assert document.Report.model_validate_json(render.as_json(report)) == report


def test_the_waivers_of_the_lab_are_valid() -> None:
    assert waivers.load("lab", catalogue.load())
    assert waivers.load("an-environment-without-a-file", catalogue.load()) == ()


@pytest.mark.parametrize(
    "text",
    [
        "- {item: 9.9.9.9.z, reason: no such clause at all, owner: me, until: 2027-01-01}",
        "- {item: 8.1.4.1.d, owner: me, until: 2027-01-01}",
        "- {item: 8.1.4.1.d, reason: for ever and ever, owner: me}",
        "- {item: 8.1.4.1.d, reason: it complies anyway, owner: me, until: 2027-01-01, verdict: compliant}",
        "{",
    ],
)
def test_a_waiver_needs_a_known_item_a_reason_an_owner_and_an_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WaiverError):
        waivers.load("x", catalogue.load(), tmp_path)
