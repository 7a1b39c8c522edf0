"""Flows, sites and a scan's findings on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from dingli.environment import Environment, Protocol
from dingli.network.flow import Flow, Party
from dingli.network.host_rules import host_rules
from dingli.network.judgement import Finding, Report, State
from dingli.network.lines import LineState, SeenLine
from dingli.network.matrix import CONTROLLER
from dingli.network.sites import between_sites

__all__ = ["console", "flow_table", "network", "scan_result"]

_WIDEST = 150
_MOST_PORTS = 12
_BAD, _DIM = "bold red", "dim"


def console() -> Console:
    """On standard output; wide enough for the tables where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDEST, color_system=None)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def flow_table(flows: Sequence[Flow]) -> RenderableType:
    """One row each."""
    table = _table("from", "to", "", ">port", "service", "why")
    for flow in flows:
        ends = _names(flow.sources), _names(flow.destinations)
        table.add_row(*map(Text, (*ends, flow.protocol.value, str(flow.port or ""), flow.service, flow.why)))
    return table


def _names(parties: Iterable[Party]) -> str:
    return ", ".join(map(str, parties))


def network(environment: Environment, lines: Sequence[SeenLine] = ()) -> RenderableType:
    """Sites with their hosts, then which services cross from site to site."""
    root = Tree(Text(f"{environment.name}  {environment.supernet}", "bold"))
    for site in environment.sites.values():
        behind = f", behind the bastion {site.bastion.address}" if site.bastion else ""
        branch = root.add(Text(f"{site.name}  {site.network}  {site.role.value}, {site.city}{behind}", "bold"))
        for host in environment.hosts_at(site.name):
            rules = host_rules(environment, host.name)
            ports = sorted({_port(rule.protocol, rule.port) for rule in rules.inbound}, key=_number)
            emulated = "  emulated: no packet filter" if host.emulated else ""
            branch.add(Text.assemble(f"{host.name}  {host.address}  ", (f"in: {' '.join(ports)}{emulated}", _DIM)))
    return Group(root, Text(), _crossings(environment), *_line_table(lines))


def _line_table(lines: Sequence[SeenLine]) -> list[RenderableType]:
    """One row for each line; nothing where none is declared."""
    if not lines:
        return []
    table = _table("line", "between", "and", "state", "")
    for one in lines:
        ends = (f"{end.host} {end.address}" for end in one.line.ends)
        style = {LineState.UP: "green", LineState.DOWN: _BAD, LineState.UNKNOWN: "yellow"}[one.state]
        table.add_row(one.line.name, *ends, Text(one.state.value, style), Text(one.text, _DIM))
    return [Text(), table]


def _port(protocol: Protocol, port: int) -> str:
    return f"{port}/{protocol.value}" if port else protocol.value


def _number(port: str) -> int:
    number = port.partition("/")[0]
    return int(number) if number.isdigit() else 0


def _crossings(environment: Environment) -> Table:
    crossings = between_sites(environment)
    order = [*environment.sites, *(name for pair in crossings for name in pair)]
    sources, destinations = ([name for name in dict.fromkeys(order) if name in ends] for ends in _ends(crossings))
    table = _table("from \\ to", *destinations)
    for here in sources:
        table.add_row(here, *(Text("\n".join(crossings.get((here, there), ("·",)))) for there in destinations))
    return table


def _ends(crossings: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    return {source for source, _ in crossings}, {destination for _, destination in crossings}


def scan_result(environment: Environment, report: Report) -> RenderableType:
    """Who reaches whom on how many ports, then everything that is not as declared."""
    tried = {one.attempt.source for one in report.findings}
    names = [name for name in (*environment.hosts, CONTROLLER) if name in tried]
    table = _table("from \\ to", *(f">{name}" for name in environment.hosts))
    for source in names:
        cells = [
            _cell([one for one in report.findings if (one.attempt.source, one.attempt.destination) == (source, host)])
            for host in environment.hosts
        ]
        table.add_row(source, *cells)
    legend = "open/declared ports of each pair; all others closed" if report.findings else ""
    lines = [Text(f"! {line}", _BAD) for line in _grouped(report.of(State.FAILED))]
    lines += [Text(f"? {line}", "yellow") for line in _grouped(report.of(State.UNKNOWN))]
    lines += [Text(f"- {line}", _DIM) for line in _grouped(report.of(State.NO_FILTER))]
    return Group(table, Text(legend, _DIM), *lines, _sum(report))


def _cell(findings: Sequence[Finding]) -> Text:
    if not findings:
        return Text("·", _DIM)
    states = [one.state for one in findings]
    failed, unknown = states.count(State.FAILED), states.count(State.UNKNOWN)
    if failed:
        return Text(f"{failed} wrong", _BAD)
    if unknown:
        return Text("?", "yellow")
    return Text(f"{states.count(State.OPEN)}/{states.count(State.OPEN) + states.count(State.IDLE)}", "green")


def _grouped(findings: Iterable[Finding]) -> list[str]:
    """One line for the ports of one pair about which the same is to be said."""
    lines = []
    ordered = sorted(findings, key=_group)
    for (source, destination, text), same in groupby(ordered, key=_group):
        ports = [f"{one.attempt.port}/{one.attempt.protocol.value}" for one in same]
        shown = ", ".join(ports[:_MOST_PORTS]) + (", …" if len(ports) > _MOST_PORTS else "")
        lines.append(f"{source} to {destination}, {shown}: {text}")
    return lines


def _group(finding: Finding) -> tuple[str, str, str]:
    return finding.attempt.source, finding.attempt.destination, finding.text


def _sum(report: Report) -> Text:
    counts = ", ".join(f"{len(report.of(state))} {state.value}" for state in State if report.of(state))
    return Text(f"{report.environment}: {len(report.findings)} connections tried: {counts}")
