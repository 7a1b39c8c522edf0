"""A drill's report: one HTML file that stands by itself, JSON, and JUnit."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any, Final, Protocol
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, select_autoescape

from drills.checker.check import Verdict
from drills.judge import DrillReport, Step
from drills.measure import BUCKET_S

__all__ = ["junit", "render_html"]

_WIDTH: Final = 900
_HEIGHT: Final = 200
_RADIUS: Final = 8  # of a mark's number
_TICKS_S: Final = (1, 5, 10, 30, 60, 300)
_MOST_TICKS: Final = 16
_LINES_MS: Final = [(10, "10 ms"), (100, "100 ms"), (1_000, "1 s"), (5_000, "5 s"), (20_000, "20 s"), (60_000, "60 s")]


class Steps(Protocol):
    """A report on any kind of drill, as far as JUnit goes."""

    drill: str
    verdict: Verdict
    reasons: list[str]
    steps: list[Step]


def junit(report: Steps) -> str:
    """One test case a step, and one for the verdict; *unknown* is an error, not a failure."""
    failed = sum(step.status != "succeeded" for step in report.steps) + (report.verdict is Verdict.FAIL)
    errors = int(report.verdict is Verdict.UNKNOWN)
    suite = ElementTree.Element(
        "testsuite", name=report.drill, tests=str(len(report.steps) + 1), failures=str(failed), errors=str(errors)
    )
    for step in report.steps:
        case = ElementTree.SubElement(suite, "testcase", name=step.name, time=f"{step.duration_s:.3f}")
        if step.status != "succeeded":
            ElementTree.SubElement(case, "failure", message=step.error or step.status)
    verdict = ElementTree.SubElement(suite, "testcase", name="verdict")
    if report.verdict is not Verdict.PASS:
        tag = "failure" if report.verdict is Verdict.FAIL else "error"
        ElementTree.SubElement(verdict, tag, message="; ".join(report.reasons))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def render_html(report: DrillReport) -> str:
    """The report as one page without links to anything outside."""
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    templates = Environment(
        loader=loader, autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    emulated = report.taken_over_by.split("/")[0] in report.emulated
    page = templates.get_template("report.html.j2")
    missed = _missed(report, emulated)
    return page.render(
        report=report, picture=_picture(report), bad=missed, emulated=emulated, service_goal=report.service_target_s
    )


def _missed(report: DrillReport, emulated: bool) -> set[str]:
    """Which of the numbers are over their targets; an emulated core's times have none."""
    pairs: dict[str, tuple[float | None, float | None]] = {}
    pairs["rpo"] = (report.rpo_commands, report.targets.get("rpo_commands"))
    if not emulated:
        pairs["service"] = report.service_rto_s, report.service_target_s
        pairs["switch"] = report.switch_gap_s, report.targets.get("switch_gap_s")
        pairs["call"] = report.site_call_s, report.targets.get("site_call_s")
        pairs["member"] = report.worst_member_rto_s, report.targets.get("member_rto_s")
    return {name for name, (found, most) in pairs.items() if found is not None and most is not None and found > most}


def _picture(report: DrillReport) -> dict[str, Any] | None:
    """Bars of the worst wait in each slice of time (square root scale), on red where orders were never answered.

    None without anything to draw. The slices' width is that of `measure.buckets`.
    """
    if not report.buckets:
        return None
    first, last = report.buckets[0]["at_s"], report.buckets[-1]["at_s"] + BUCKET_S
    worst_ms = max([one["worst_ms"] or 0.0 for one in report.buckets] + [1.0])
    scale = _WIDTH / max(last - first, 1.0)

    def x(at_s: float) -> float:
        return float(round((at_s - first) * scale, 1))

    def height(wait_ms: float) -> float:
        return float(round(_HEIGHT * (wait_ms / worst_ms) ** 0.5, 1))

    bars = [
        {**one, "x": x(one["at_s"]), "w": round(BUCKET_S * scale, 2), "h": max(height(one["worst_ms"] or 0.0), 0.5)}
        for one in report.buckets
    ]
    every = next(step for step in _TICKS_S if (last - first) / step <= _MOST_TICKS or step == _TICKS_S[-1])
    ticks = [{"x": x(at), "at_s": at} for at in range(ceil(first / every) * every, int(last) + 1, every)]
    lines = [{"y": _HEIGHT - height(at), "label": label} for at, label in _LINES_MS if 0.015 < at / worst_ms <= 1]
    marks = _spread([{**one, "x": min(max(x(one["at_s"]), 0.0), _WIDTH)} for one in report.timeline])
    return {
        "bars": bars, "marks": marks, "ticks": ticks, "lines": lines, "worst_ms": worst_ms,
        "width": _WIDTH, "height": _HEIGHT, "radius": _RADIUS,
    }  # fmt: skip


def _spread(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gives each mark a number and a row above the picture, so that no two numbers touch."""
    ends: list[float] = []
    for number, mark in enumerate(marks, start=1):
        row = next((row for row, end in enumerate(ends) if mark["x"] - end > 2 * _RADIUS + 2), len(ends))
        ends[row : row + 1] = [mark["x"]]
        mark |= {"number": number, "row": row, "y": -_RADIUS - 4 - row * (2 * _RADIUS + 3)}
    return marks
