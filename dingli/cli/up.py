"""Bring an environment's sites to what its file says, then check that it works."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dingli.environment import load
from dingli.exceptions import ExitCode
from dingli.parameters import AsJson, EnvironmentName
from dingli.stacks.operation import Choice
from dingli.stacks.screen import Screen
from dingli.stacks.up import bring_up

app = typer.Typer()


@app.command(epilog="Examples:\n\ndingli up lab\n\ndingli up lab --site dr --refresh\n\ndingli up prod --call dr")
def up(
    environment: EnvironmentName,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated. No gate then.")] = None,
    call: Annotated[
        list[str] | None,
        typer.Option(help="A site on demand: make all its machines. The next up without this takes them away again."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Also repair what was changed on hosts by hand.")] = False,
    continue_on_error: Annotated[
        bool, typer.Option("--continue-on-error", help="Go on with other hosts and sites after a failure.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, help="Sites worked on at once.")] = 2,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before instances are taken away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring an environment's sites to what its file says, then check that it works.

    A change of hosts in service goes to canaries first: one host of each role and architecture. If one of them is not
    well, it gets its former version back, and no other host is touched. Instances that the file does not ask for any
    more go, with their disks; on production somebody has to agree.
    """
    choice = Choice(tuple(site or ()), refresh, continue_on_error, parallel, tuple(call or ()), yes)
    result = bring_up(load(environment), choice, Screen(quiet=as_json))
    if as_json:
        typer.echo(json.dumps(result.plain(), indent=2, ensure_ascii=False))
    if not result.ok:
        raise typer.Exit(ExitCode.FAILED)
