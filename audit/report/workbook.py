"""The assessor's workbook (XLSX): overview, records, what needs a person, waivers.

Hosts print what they like, so every text is written as text: a cell that begins with `=` is no formula.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from audit.catalogue import Catalogue
from audit.judgement.engine import ObjectResult
from audit.judgement.verdict import Verdict
from audit.report.document import Report, WaiverNote
from audit.report.plain import printable

__all__ = ["RECORD_COLUMNS", "as_xlsx"]

RECORD_COLUMNS = (
    ("测评对象", 22),
    ("编号", 14),
    ("条款", 11),
    ("控制点", 14),
    ("测评项（摘要，非标准原文）", 26),
    ("测评方法", 32),
    ("结果记录", 70),
    ("符合情况", 13),
    ("分值", 7),
    ("证据（文件+SHA-256）", 60),
    ("时间（UTC）", 20),
    ("豁免（不改变结论）", 34),
)
_LONGEST = 32_000  # a cell holds 32,767 characters
_COLOURS = {
    Verdict.COMPLIANT: ("#E2F3E8", "#14693A"),
    Verdict.PARTIAL: ("#FDF0D5", "#7D5200"),
    Verdict.NONCOMPLIANT: ("#FBE3E1", "#A01C13"),
    Verdict.ERROR: ("#3A2030", "#FFFFFF"),
    Verdict.NEEDS_PERSON: ("#E4EBFA", "#23479A"),
}


class _Sheets:
    """A workbook being written, with its formats."""

    def __init__(self, target: io.BytesIO) -> None:
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = xlsxwriter.Workbook(target, options)
        base = {"valign": "top", "text_wrap": True, "border": 1, "border_color": "#DFE4EA"}
        self.text = self.book.add_format(base)
        self.head = self.book.add_format({**base, "bold": True, "bg_color": "#F5F7F9"})
        self.title = self.book.add_format({"bold": True, "font_size": 16})
        self.soft = self.book.add_format({"font_color": "#5B6675", "text_wrap": True, "valign": "top"})
        self.verdicts = {
            verdict: self.book.add_format({**base, "bg_color": back, "font_color": ink})
            for verdict, (back, ink) in _COLOURS.items()
        }

    def sheet(self, name: str, columns: Sequence[tuple[str, int]], *, first_row: int = 0) -> Worksheet:
        made = self.book.add_worksheet(name)
        for column, (title, width) in enumerate(columns):
            made.set_column(column, column, width)
            made.write_string(first_row, column, title, self.head)
        made.freeze_panes(first_row + 1, 0)
        made.set_landscape()
        made.fit_to_pages(1, 0)
        return made

    def row(self, sheet: Worksheet, number: int, cells: Iterable[str | Verdict | None]) -> None:
        for column, cell in enumerate(cells):
            if cell is None:
                sheet.write_blank(number, column, None, self.text)
            elif isinstance(cell, Verdict):
                sheet.write_string(number, column, cell.label_zh, self.verdicts.get(cell, self.text))
            else:
                sheet.write_string(number, column, _cut(cell), self.text)


def _cut(text: str) -> str:
    """Text that a cell can hold."""
    clean = printable(text)
    return clean if len(clean) <= _LONGEST else clean[:_LONGEST] + "…（其余见证据文件）"


def as_xlsx(report: Report, catalogue: Catalogue) -> bytes:
    """The workbook; the same report always gives the same cells."""
    target = io.BytesIO()
    sheets = _Sheets(target)
    sheets.book.set_properties(
        {"title": f"等级保护（第三级）测评记录 {report.environment}", "created": report.judged_at}
    )
    _overview(sheets, report, catalogue)
    _records(sheets, report)
    _for_a_person(sheets, report)
    _waivers(sheets, report, catalogue)
    sheets.book.close()
    return target.getvalue()


def _overview(sheets: _Sheets, report: Report, catalogue: Catalogue) -> None:
    columns = (
        ("条款", 12),
        ("编号", 14),
        ("控制点", 16),
        ("测评项（摘要，非标准原文）", 40),
        ("符合情况", 14),
        ("已测对象类别", 28),
        ("未测评的对象类别", 34),
    )
    counts = [(verdict, number) for verdict, number in report.counts().items() if number]
    first = 6 + len(counts)
    sheet = sheets.sheet("概况", columns, first_row=first)
    sheet.write_string(0, 0, f"等级保护（第三级）测评记录：{report.environment}", sheets.title)
    judged = f"目录 {report.catalogue_items} 项，自动测评 {len(report.items)} 项；不计总分，分值留空"
    sheet.write_string(1, 0, f"{report.judged_at:%Y-%m-%d %H:%M:%S} UTC；{judged}")
    sheet.write_string(2, 0, report.catalogue_note)
    sheet.write_string(3, 0, f"目录 SHA-256 {report.catalogue_sha256}；判定参数 SHA-256 {report.policy_sha256}")
    for number, (verdict, count) in enumerate(counts):
        sheet.write_string(4 + number, 0, verdict.label_zh, sheets.verdicts.get(verdict, sheets.text))
        sheet.write_number(4 + number, 1, count)
    for number, item in enumerate(report.items, first + 1):
        entry = catalogue.item(item.item)
        covers = "、".join(one.label_zh for one in item.covers)
        others = "、".join(one.label_zh for one in item.not_checked)
        cells = (item.item, entry.unit_28448, entry.control_point_zh, entry.label_zh, item.verdict, covers, others)
        sheets.row(sheet, number, cells)
    _filter(sheet, first, len(report.items), len(columns))


def _records(sheets: _Sheets, report: Report) -> None:
    sheet = sheets.sheet("测评记录", RECORD_COLUMNS)
    for number, row in enumerate(report.objects, 1):
        sheets.row(sheet, number, _record(row, report))
    _filter(sheet, 0, len(report.objects), len(RECORD_COLUMNS))


def _record(row: ObjectResult, report: Report) -> tuple[str | Verdict | None, ...]:
    points = "\n".join(
        f"{'★' if point.decisive else ''}{point.label_zh}：{point.verdict.label_zh}。{point.text_zh}"
        for point in row.sub_points
    )
    evidence = "\n".join(f"{one.file} {one.sha256}" for one in row.evidence)
    return (
        row.object,
        row.unit_28448,
        row.item,
        row.control_point_zh,
        row.label_zh,
        row.method.zh,
        points or row.note.zh,
        row.verdict,
        None,
        evidence,
        f"{row.at:%Y-%m-%d %H:%M:%S}" if row.at else "",
        "\n".join(_waived(note) for note in report.waivers_of(row)),
    )


def _waived(note: WaiverNote) -> str:
    waiver = note.waiver
    return f"{waiver.reason}（{waiver.owner}，至 {waiver.until}{'，已过期' if note.expired else ''}）"


def _for_a_person(sheets: _Sheets, report: Report) -> None:
    columns = (
        ("条款", 12),
        ("编号", 14),
        ("控制点", 18),
        ("测评项（摘要，非标准原文）", 40),
        ("测评对象", 22),
        ("符合情况", 12),
        ("须核查什么", 90),
    )
    sheet = sheets.sheet("须人工", columns)
    number = 0
    for row in report.rows_for_a_person():
        for point in row.sub_points:
            if point.verdict is Verdict.NEEDS_PERSON:
                number += 1
                what = f"{point.label_zh}：{point.text_zh}"
                of = (row.item, row.unit_28448, row.control_point_zh, row.label_zh, row.object)
                sheets.row(sheet, number, (*of, point.verdict, what))
    for item in report.open_items:
        number += 1
        what = f"{item.why_zh}：" + "\n".join(item.look_at)
        cells = (item.item, item.unit_28448, item.control_point_zh, item.label_zh, "全部", item.verdict, what)
        sheets.row(sheet, number, cells)
    _filter(sheet, 0, number, len(columns))


def _waivers(sheets: _Sheets, report: Report, catalogue: Catalogue) -> None:
    columns = (
        ("条款", 12),
        ("测评项（摘要，非标准原文）", 40),
        ("测评对象", 22),
        ("理由", 70),
        ("责任人", 20),
        ("截止日期", 14),
        ("状态", 18),
    )
    sheet = sheets.sheet("豁免", columns)
    for number, note in enumerate(report.waivers, 1):
        waiver = note.waiver
        state = ("已过期" if note.expired else "有效") + ("" if note.applies else "，该项本次未测评")
        name = "全部" if waiver.object == "*" else waiver.object
        label = catalogue.item(waiver.item).label_zh
        sheets.row(sheet, number, (waiver.item, label, name, waiver.reason, waiver.owner, str(waiver.until), state))


def _filter(sheet: Worksheet, first: int, rows: int, columns: int) -> None:
    if rows:
        sheet.autofilter(first, 0, first + rows, columns - 1)
