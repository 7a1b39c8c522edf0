"""Say what is there: sites, hosts, the gate's findings, and what to do next."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dingli.environment import load
from dingli.exceptions import ExitCode
from dingli.stacks.status import as_text, look

app = typer.Typer()


@app.command(epilog="Examples:\n\ndingli status lab\n\ndingli status lab --order\n\ndingli status lab --json")
def status(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of a file in stacks/environments/.")],
    summary: Annotated[bool, typer.Option("--summary", help="End with how to run a drill and an audit.")] = False,
    order: Annotated[bool, typer.Option("--order", help="Send one real order through every gateway too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For another program.")] = False,
) -> None:
    """Say what is there: sites, hosts, the gate's findings, and what to do next.

    Exit status: 0 all is well, 1 something is not.
    """
    declared = load(environment)
    found = look(declared, send_order=order)
    typer.echo(
        json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else as_text(declared, found, summary)
    )
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)
