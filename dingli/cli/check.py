"""Look at what usually goes wrong, on all hosts at once, before anything is changed."""

from __future__ import annotations

import json

import typer
from rich.console import Console

from dingli.environment import load
from dingli.parameters import AsJson, EnvironmentName

app = typer.Typer()


@app.command(
    epilog="Examples:\n\ndingli check lab\n\ndingli check lab --json | jq '.findings[] | select(.state != \"good\")'"
)
def check(
    environment: EnvironmentName,
    as_json: AsJson = False,
) -> None:
    """Look at what usually goes wrong, on all hosts at once, before anything is changed.

    SSH and host keys, sudo, architecture, system, sizes, clocks, ports, packages, power drivers, bastions, round trips
    between sites. Nothing is changed on any host. Works before the first `up` (with the root key of the hand-over)
    and afterwards. Exit status: 0 all good, 1 something failed, 2 wrong input, 3 nothing failed but something could
    not be told.
    """
    from dingli.check import examine
    from dingli.check.screen import show

    declared = load(environment)
    report = examine(declared, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(report.plain(), indent=2, ensure_ascii=False))
    else:
        show(Console(), declared, report)
    raise typer.Exit(report.exit_code)
