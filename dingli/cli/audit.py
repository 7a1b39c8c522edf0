"""Examine an environment against the catalogue (audit ENV), or judge stored evidence again (audit judge FOLDER)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from testinfra.host import Host
from typer.core import TyperGroup

from audit import gathering
from audit import run as auditing
from audit.checks import collect
from audit.judgement.engine import judged_items, selects
from audit.judgement.verdict import Verdict
from audit.report.document import Report
from audit.report.render import as_json
from dingli import evidence, ssh
from dingli.environment import Environment, load, state_dir
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import EnvironmentOrPath

__all__ = ["app"]


class _EnvironmentFirst(TyperGroup):
    """`dingli audit lab` is short for `dingli audit run lab`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


_EPILOG = "Examples:\n\ndingli audit lab\n\ndingli audit judge .dingli/lab/evidence/000012-audit-20261121T034500Z"

app = typer.Typer(cls=_EnvironmentFirst, help=__doc__, epilog=_EPILOG)

_COLOURS = {
    Verdict.COMPLIANT: "green",
    Verdict.NONCOMPLIANT: "bold red",
    Verdict.PARTIAL: "yellow",
    Verdict.ERROR: "bold magenta",
    Verdict.NEEDS_PERSON: "blue",
}
_JSON = typer.Option("--json", help="Print the report as JSON, and nothing else, on standard output.")


@app.command(
    epilog="Examples:\n\ndingli audit lab\n\ndingli audit lab --host ops-1 --json\n\n"
    "dingli audit lab --item 8.1.4.1 --host ops-1"
)
def run(
    environment: EnvironmentOrPath,
    host: Annotated[
        list[str] | None, typer.Option(help="Only this host and what runs on it (repeat for more); the rest is 未测评.")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="Only this item (8.1.4.1.a) or clause (8.1.4.1); repeat for more.")
    ] = None,
    as_json_text: Annotated[bool, _JSON] = False,
) -> None:
    """Gather evidence of everything, judge it, and leave it all as a signed run."""
    described = load(environment)
    names, items = _chosen(described, host), _items(item)
    console = Console(stderr=as_json_text)
    began = time.monotonic()
    with evidence.run(described, kind="audit", title=f"audit of {', '.join(names)}") as kept:
        index, gathered = gathering.gather(
            described,
            {name: _reach(described, name) for name in names},
            state_dir(described.name) / "pki" / "ca.crt",
            kept.add_raw,
            lambda line: console.print(f"  {time.monotonic() - began:5.1f} s  {line}", highlight=False, markup=False),
            items=items,
        )
        report = auditing.report(index, gathered)
        kept.event("judged", items={one.item: one.verdict.value for one in report.items})
        files = auditing.write(report, kept.folder)
        kept.result = _RESULTS.get(report.outcome, evidence.Result.UNKNOWN)
    _show(report, console, as_json_text)
    reports = f"Report: {files['report.html']}, workbook: {files['report.xlsx']}"
    console.print(f"{time.monotonic() - began:.1f} s. {reports}", highlight=False, soft_wrap=True)
    raise typer.Exit(_exit_code(report))


@app.command(
    epilog="Examples:\n\ndingli audit judge .dingli/lab/evidence/000012-audit-20261121T034500Z\n\n"
    "dingli audit judge FOLDER --output /tmp/again --json"
)
def judge(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A run's folder, as `dingli audit ENV` printed it.")],
    output: Annotated[
        Path | None, typer.Option(help="Write report.json, report.xml, report.html and report.xlsx here.")
    ] = None,
    as_json_text: Annotated[bool, _JSON] = False,
) -> None:
    """Judge stored evidence again, without any host. The folder is only read."""
    if output is not None and output.resolve() == folder.resolve():
        raise InputError(
            f"--output {output} is the evidence itself", "another folder", "evidence is never written over"
        )
    report = auditing.judge_again(folder)
    console = Console(stderr=as_json_text)
    if output is not None:
        auditing.write(report, output)
    _show(report, console, as_json_text)
    raise typer.Exit(_exit_code(report))


_RESULTS = {Verdict.COMPLIANT: evidence.Result.PASSED, Verdict.NONCOMPLIANT: evidence.Result.FAILED}


def _chosen(environment: Environment, wanted: list[str] | None) -> list[str]:
    unknown = [name for name in wanted or () if name not in environment.hosts]
    if unknown:
        raise InputError(
            f"no host {', '.join(unknown)} in {environment.name}",
            f"one of {', '.join(environment.hosts)}",
            "correct --host",
        )
    return [name for name in environment.hosts if not wanted or name in wanted]


def _items(wanted: list[str] | None) -> tuple[str, ...]:
    for one in wanted or ():
        if not any(selects(one, item) for item in judged_items()):
            raise InputError(
                f"--item {one}: no automatic item is or begins so",
                f"one of {', '.join(judged_items())}, or a clause of them",
                "correct --item; docs/audit.md lists the automatic items",
            )
    return tuple(wanted or ())


def _reach(environment: Environment, name: str) -> Host:
    key = state_dir(environment.name) / "secrets" / "audit_key"
    target = ssh.target(environment, name, user=collect.ACCOUNT, key=key)
    return collect.connect(target.address, ssh.openssh_options(target), port=target.port)


def _exit_code(report: Report) -> ExitCode:
    if report.outcome is Verdict.COMPLIANT:
        return ExitCode.OK
    return ExitCode.FAILED if report.outcome is Verdict.NONCOMPLIANT else ExitCode.UNKNOWN


def _show(report: Report, console: Console, as_json_text: bool) -> None:
    if as_json_text:
        typer.echo(as_json(report).decode(), nl=False)
        return
    table = Table("条款", "测评项（摘要）", "符合情况", "测评对象", box=None, pad_edge=False, header_style="bold")
    labels = {row.item: row.label_zh for row in report.objects}
    for one in report.items:
        table.add_row(one.item, labels[one.item], _coloured(one.verdict), _objects(report, one.item))
    console.print(table)
    for row in report.objects:
        for point in row.sub_points:
            if point.verdict not in (Verdict.COMPLIANT, Verdict.NOT_CHECKED, Verdict.NOT_APPLICABLE):
                line = f"{row.object} {row.item} {point.label_zh}: {point.verdict.label_zh}: {point.text_zh}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    for note in report.waivers:
        if note.expired:
            waiver = note.waiver
            console.print(f"豁免已过期 {waiver.item} {waiver.object}: {waiver.until} {waiver.owner}", style="yellow")
    console.print(
        f"{len(report.items)} of {report.catalogue_items} items judged; of the others {report.left_to_people} need a "
        "person, all listed in the report. No overall score is given."
    )


def _objects(report: Report, item: str) -> str:
    """Objects by verdict: 符合 primary-1, …"""
    found: dict[Verdict, list[str]] = {}
    for row in report.objects:
        if row.item == item and row.sub_points:
            found.setdefault(row.verdict, []).append(row.object)
    return "  ".join(f"{_coloured(verdict)} {', '.join(names)}" for verdict, names in found.items())


def _coloured(verdict: Verdict) -> str:
    return f"[{_COLOURS.get(verdict, 'dim')}]{verdict.label_zh}[/]"
