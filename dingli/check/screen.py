"""The findings for a person: a row for each host, the round trips, then what to do about each failure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dingli.check.finding import Finding, Report, State
from dingli.check.judgement import HOST_CHECKS
from dingli.environment import Environment

__all__ = ["show"]

_MARKS = {State.GOOD: ("ok", "green"), State.FAILED: ("FAIL", "bold red"), State.UNKNOWN: ("?", "yellow")}

# Short enough for a row of all of them on 80 columns.
_HEADINGS = {"host key": "key", "memory": "mem", "packages": "pkgs"}


def show(console: Console, environment: Environment, report: Report) -> None:
    """Print it."""
    console.print(_hosts(environment, report))
    trips = [one for one in report.findings if one.check == "round trip"]
    if trips:
        console.print(_round_trips(environment, trips))
    for line in [*_failures(report), *_unknowns(report)]:
        console.print(line, soft_wrap=True)
    good, failed, unknown = (len(report.of(state)) for state in State)
    console.print(f"{report.environment}: {good} good, {failed} failed, {unknown} cannot be told", soft_wrap=True)


def _hosts(environment: Environment, report: Report) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("host", no_wrap=True)
    for check in HOST_CHECKS:
        table.add_column(_HEADINGS.get(check, check), no_wrap=True)
    for host in environment.hosts:
        found = {one.check: one.state for one in report.findings if one.subject == host}
        table.add_row(host, *(_mark(found[check]) for check in HOST_CHECKS))
    return table


def _round_trips(environment: Environment, trips: list[Finding]) -> Table:
    told = {one.subject: one for one in trips}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("round trip", no_wrap=True)
    for site in environment.sites:
        table.add_column(f"to {site}", no_wrap=True)
    for here in environment.sites:
        cells = [told.get(f"{here} to {there}") for there in environment.sites]
        table.add_row(here, *(_trip(one) for one in cells))
    return table


def _trip(one: Finding | None) -> Text:
    if one is None:
        return Text("")
    return _mark(one.state) if one.state is State.UNKNOWN else Text(one.found, style=_MARKS[one.state][1])


def _mark(state: State) -> Text:
    word, style = _MARKS[state]
    return Text(word, style=style)


def _failures(report: Report) -> Iterator[Text]:
    for one in report.of(State.FAILED):
        yield Text.assemble(("FAIL", _MARKS[one.state][1]), f" {one.subject}: {one.check}")
        yield from _details(one)


def _unknowns(report: Report) -> Iterator[Text]:
    """Checks of a subject that could not be told for the same reason are told together."""

    def reason(one: Finding) -> tuple[str, str, str, str]:
        return one.subject, one.found, one.expected, one.remedy

    for _, alike in groupby(sorted(report.of(State.UNKNOWN), key=reason), key=reason):
        findings = list(alike)
        checks = ", ".join(one.check for one in findings)
        yield Text.assemble(("cannot tell", _MARKS[State.UNKNOWN][1]), f" {findings[0].subject}: {checks}")
        yield from _details(findings[0])


def _details(one: Finding) -> Iterator[Text]:
    for label, text in (("found", one.found), ("expected", one.expected), ("what to do", one.remedy)):
        if text:
            yield Text(f"     {label}: {text}")
