"""Say who ran what, when, for how long and with what result."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dingli.environment import load
from dingli.evidence import Store
from dingli.evidence.history import BROKEN, RUNNING, Entry, entries
from dingli.parameters import AsJson, EnvironmentName

app = typer.Typer()

_STYLES = {"passed": "green", "failed": "bold red", BROKEN: "bold red", RUNNING: "cyan"}
_MINUTE_S, _HOUR_S = 60, 3600
_ONE_LINE_EACH = 1000  # columns: for grep and the like


@app.command(
    epilog="Examples:\n\ndingli history lab\n\ndingli history lab --kind drill --last 10\n\n"
    "dingli history lab --failed --json"
)
def history(
    environment: EnvironmentName,
    kind: Annotated[str, typer.Option(help="Only runs of this kind: up, drill, audit and so on.")] = "",
    last: Annotated[int, typer.Option(min=0, help="Only the last so many; 0: all.", metavar="N")] = 0,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not pass, for whatever reason.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say who ran what, when, for how long and with what result.

    Read from the evidence of this clone; whether that is what was left behind says `dingli evidence verify`.
    """
    found = [one for one in entries(Store.of(load(environment).name)) if kind in ("", one.kind)]
    found = [one for one in found if not (failed and one.well)][-last:]
    if as_json:
        typer.echo(json.dumps([one.plain() for one in found], indent=2, ensure_ascii=False))
    elif found:
        _show(found)
    else:
        typer.echo("no such runs" if kind or failed else "no runs yet")


def _show(found: list[Entry]) -> None:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("run", "kind", "started (UTC)", "took", "result", "who"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("run", "took") else "left")
    table.add_column("what", overflow="fold")
    for one in found:
        table.add_row(
            "" if one.number is None else str(one.number),
            one.kind,
            f"{one.started:%Y-%m-%d %H:%M:%S}" if one.started else "",
            _duration(one.seconds),
            Text(one.result, style=_STYLES.get(one.result, "yellow")),
            Text(one.who or ""),
            Text(f"{one.folder.name}: {one.trouble}" if one.result == BROKEN else one.trouble or one.title),
        )
    Console(width=None if sys.stdout.isatty() else _ONE_LINE_EACH).print(table)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f} min {seconds % _MINUTE_S:.0f} s"
    return f"{seconds // _HOUR_S:.0f} h {seconds % _HOUR_S // _MINUTE_S:.0f} min"
