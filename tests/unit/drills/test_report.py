"""A drill's report stands by itself, and is sensible where something was not measured."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from drills.judge import DrillReport, judge
from drills.report import junit, render_html
from tests.unit.drills.past import SECOND, SITE_LOSS, SWITCH, Past, core_settings, settings

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Refuses a page whose elements do not close; keeps elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def of(past: Past, folder: Path) -> DrillReport:
    return judge(SITE_LOSS, past.chaos_journal(), settings(), past.leave(folder))


@pytest.fixture
def passed(tmp_path: Path) -> DrillReport:
    return of(Past(), tmp_path)


def unmeasured() -> DrillReport:
    nothing = {"status": "interrupted", "run": [], "steady_states": {"before": None}, "rollbacks": []}
    return judge(SITE_LOSS, nothing, settings(), Path("nowhere"))


def test_the_page_needs_nothing_from_outside_and_runs_nothing(passed: DrillReport) -> None:
    html = render_html(passed)
    assert re.search(r"https?:|//\w|@import|url\(", html) is None
    page = Page(html)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.elements)
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in page.elements for name in attrs)


def test_the_page_begins_with_the_verdict_and_the_numbers(passed: DrillReport) -> None:
    text = " ".join(Page(render_html(passed)).text.split())
    assert text.index("pass") < text.index("2.00 s") < text.index("What the probe saw")
    assert "taken over by b/minimal" in text


def test_numbers_on_the_picture_are_those_of_the_table_and_do_not_overlap(tmp_path: Path) -> None:
    past = Past(gap_ns=SECOND // 10)
    report = of(past, tmp_path)
    html = render_html(report)
    circles = [attrs for tag, attrs in Page(html).elements if tag == "circle"]
    assert len(circles) == len(report.timeline) == 8
    assert re.findall(r'class="number"[^>]*>(\d+)<', html) == [str(n) for n in range(1, 9)]
    assert re.findall(r'class="mark-number">(\d+)<', html) == [str(n) for n in range(1, 9)]
    places = [(float(one["cx"] or 0), float(one["cy"] or 0)) for one in circles]
    for n, (x, y) in enumerate(places):
        assert all(abs(x - other) > 16 or abs(y - height) > 16 for other, height in places[:n])


def test_what_was_not_measured_is_called_so() -> None:
    text = Page(render_html(unmeasured())).text
    assert text.count("not measured") == 4
    assert "None" not in text.replace("None.", "")
    assert "unmeasured" not in text


def test_text_from_hosts_is_only_text(passed: DrillReport) -> None:
    passed.reasons = ["<script>alert(1)</script>"]
    assert "script" not in {tag for tag, _ in Page(render_html(passed)).elements}


def test_an_emulated_cores_time_is_not_shown_as_missed(tmp_path: Path) -> None:
    report = of(Past(taken_over_by="c/minimal", gap_ns=25 * SECOND), tmp_path)
    html = render_html(report)
    assert "emulated: not judged" in html
    assert 'class="card missed"' not in html
    assert 'class="card missed"' in render_html(of(Past(gap_ns=25 * SECOND), tmp_path))


def test_a_switch_shows_its_gap_and_what_other_cells_felt(tmp_path: Path) -> None:
    past = Past(drill=SWITCH, gap_ns=SECOND)
    report = judge(SWITCH, past.chaos_journal(), core_settings(), past.leave(tmp_path))
    html = render_html(report)
    text = " ".join(Page(html).text.split())
    assert "switch gap, target 0.5 s" in text
    assert 'class="card missed"' in html
    assert "longest time without an answer 0.05 s, one epoch" in text


def test_junit_has_a_case_for_each_step_and_one_for_the_verdict(tmp_path: Path) -> None:
    suite = ElementTree.fromstring(junit(of(Past(errors={"rejoined": "too late"}), tmp_path)))
    assert (suite.get("failures"), suite.get("errors")) == ("2", "0")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["rejoined", "verdict"]
    unknown = ElementTree.fromstring(junit(of(_without_dump(Past()), tmp_path / "other")))
    assert (unknown.get("failures"), unknown.get("errors")) == ("0", "1")
    steady_twice_a_rollback_and_the_verdict = 4
    expected = len(Past().outputs()) + steady_twice_a_rollback_and_the_verdict
    assert len(unknown) == int(unknown.get("tests") or 0) == expected


def _without_dump(past: Past) -> Past:
    past.journal.entries.clear()
    return past
