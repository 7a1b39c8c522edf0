"""Renders a report: JSON for programs, JUnit for build servers, one HTML page for people."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import jinja2

from audit.catalogue import Catalogue
from audit.judgement.verdict import Verdict
from audit.report.document import Report
from audit.report.english import CONTROL_POINTS, OBJECT_CLASSES
from audit.report.plain import printable

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def as_json(report: Report) -> bytes:
    return report.model_dump_json(indent=1).encode() + b"\n"


def as_junit(report: Report) -> bytes:
    """One case for each row: 不符合 and 部分符合 fail, an error is an error, other rows without 符合 are skipped."""
    suite = ElementTree.Element("testsuite", name=f"audit {report.environment}", tests=str(len(report.objects)))
    totals = {"failure": 0, "error": 0, "skipped": 0}
    for row in report.objects:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{row.item} {row.label_zh}", name=row.object)
        kind = _JUNIT.get(row.verdict)
        if kind:
            totals[kind] += 1
            ElementTree.SubElement(case, kind, message=row.verdict.label_zh).text = printable(
                row.text_zh or row.note.zh
            )
    suite.set("failures", str(totals["failure"]))
    suite.set("errors", str(totals["error"]))
    suite.set("skipped", str(totals["skipped"]))
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


_JUNIT = {
    Verdict.NONCOMPLIANT: "failure",
    Verdict.PARTIAL: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_CHECKED: "skipped",
    Verdict.NEEDS_PERSON: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def as_html(report: Report, catalogue: Catalogue) -> bytes:
    """A page in Chinese and English that needs no other file, no network and no script."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["in_english"] = OBJECT_CLASSES.__getitem__
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(report=report, catalogue=catalogue, control_points=CONTROL_POINTS)
    return page.encode("utf-8", "backslashreplace")
