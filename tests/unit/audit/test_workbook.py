"""The workbook, read back: every row and item is there, and nothing that a host printed is a formula."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from audit import catalogue
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.report import document, workbook
from audit.waivers import Waiver
from tests.unit.audit import baseline

EVIL = "=cmd|' /C calc'!A0"
WAIVERS = (
    Waiver(item="8.1.4.3.a", reason="the lab has no kernel audit", owner="operations", until=date(2026, 1, 1)),
    Waiver(item="8.1.4.9.c", reason="=HYPERLINK(1) is text", owner="operations", until=date(2027, 1, 1)),
)


@pytest.fixture(scope="module")
def report() -> document.Report:
    """A report on every kind of object; the host's accounts are named to be taken for formulas."""
    evil = {"record": "accounts", "append": f"{EVIL}:x:0:0::/:/bin/bash\n"}
    evidence = []
    for kind in ObjectKind:
        records = baseline.compliant_records(kind)
        evidence.append(
            baseline.evidence(baseline.changed(records, evil) if kind is ObjectKind.HOST else records, kind)
        )
    assessment = engine.judge(evidence, catalogue.load(), policy.load())
    first = assessment.objects[0].model_copy(update={"object": EVIL})
    return document.make(
        assessment.model_copy(update={"objects": (first, *assessment.objects[1:])}),
        catalogue.load(),
        WAIVERS,
        environment="nowhere",
        judged_at=baseline.AT,
        catalogue_sha256="c" * 64,
        policy_sha256="p" * 64,
    )


@pytest.fixture(scope="module")
def book(report: document.Report) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook.as_xlsx(report, catalogue.load())))


def column(book: Workbook, sheet: str, title: str) -> list[str]:
    """The cells below a heading, wherever it stands."""
    found = next(cell for row in book[sheet].iter_rows() for cell in row if cell.value == title)
    cells = next(book[sheet].iter_cols(found.column, found.column, found.row + 1))
    return [str(cell.value) if cell.value is not None else "" for cell in cells]


def test_the_sheets_and_columns_are_the_assessors(book: Workbook) -> None:
    assert book.sheetnames == ["概况", "测评记录", "须人工", "豁免"]
    assert [cell.value for cell in book["测评记录"][1]] == [
        "测评对象",
        "编号",
        "条款",
        "控制点",
        "测评项（摘要，非标准原文）",
        "测评方法",
        "结果记录",
        "符合情况",
        "分值",
        "证据（文件+SHA-256）",
        "时间（UTC）",
        "豁免（不改变结论）",
    ]


def test_every_row_has_its_verdict_and_evidence(book: Workbook, report: document.Report) -> None:
    rows = list(book["测评记录"].iter_rows(min_row=2, values_only=True))
    assert [(row[0], row[2], row[7]) for row in rows] == [
        (row.object, row.item, row.verdict.label_zh) for row in report.objects
    ]
    for cells, row in zip(rows, report.objects, strict=True):
        assert all(one.sha256 in str(cells[9]) for one in row.evidence)
    assert set(column(book, "测评记录", "分值")) == {""}


def test_nothing_is_a_formula(book: Workbook) -> None:
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert EVIL in column(book, "测评记录", "测评对象")
    assert "=HYPERLINK(1) is text" in column(book, "豁免", "理由")


def test_no_item_of_the_catalogue_disappears(book: Workbook) -> None:
    listed = {*column(book, "概况", "条款"), *column(book, "须人工", "条款")}
    assert {item.id for item in catalogue.load().items} <= listed


def test_what_a_person_has_to_look_at_is_said(book: Workbook) -> None:
    assert all(column(book, "须人工", "须核查什么"))
    verdicts = set(column(book, "须人工", "符合情况"))
    assert verdicts == {Verdict.NEEDS_PERSON.label_zh, Verdict.NOT_CHECKED.label_zh}


def test_waivers_stand_beside_verdicts_and_say_when_they_ended(book: Workbook, report: document.Report) -> None:
    assert column(book, "豁免", "状态") == ["已过期", "有效"]
    waived = [row for row in report.objects if report.waivers_of(row)]
    shown = [text for text in column(book, "测评记录", "豁免（不改变结论）") if text]
    assert len(shown) == len(waived) > 0
    assert any("已过期" in text for text in shown)


def test_a_control_character_does_not_break_the_file() -> None:
    evidence = baseline.compliant_records(ObjectKind.CORE)
    evidence = baseline.changed(evidence, {"record": "plain", "stdout": '{"answer": "\\u0007bell"}'})
    assessment = engine.judge([baseline.evidence(evidence, ObjectKind.CORE)], catalogue.load(), policy.load())
    made = document.make(
        assessment,
        catalogue.load(),
        (),
        environment="nowhere",
        judged_at=baseline.AT,
        catalogue_sha256="",
        policy_sha256="",
    )
    read = openpyxl.load_workbook(io.BytesIO(workbook.as_xlsx(made, catalogue.load())))
    assert any("\\x07bell" in text for text in column(read, "测评记录", "结果记录"))
