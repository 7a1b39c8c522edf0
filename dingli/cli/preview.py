"""Show what `up` would change, down to the task on each host."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dingli.environment import Environment, load
from dingli.environment.readiness import standing
from dingli.exceptions import ExitCode
from dingli.parameters import AsJson, EnvironmentName
from dingli.stacks.calling import sites_to_call
from dingli.stacks.engine import Engine
from dingli.stacks.operation import Choice, operate
from dingli.stacks.screen import Screen

app = typer.Typer()


@app.command(epilog="Examples:\n\ndingli preview lab\n\ndingli preview lab --site dr --refresh --json")
def preview(
    environment: EnvironmentName,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    call: Annotated[list[str] | None, typer.Option(help="A site on demand, as `up --call` would have it.")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Also look for what was changed on hosts by hand.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, help="Sites worked on at once.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Show what `up` would change, down to the task on each host."""
    screen = Screen(quiet=as_json)
    choice = Choice(tuple(site or ()), refresh, continue_on_error=True, parallel=parallel, call=tuple(call or ()))
    loaded = load(environment)
    called = sites_to_call(loaded, choice)
    declared = standing(loaded, called)
    engine = Engine(declared, screen.show)
    engine.called = called
    arguments = ["--refresh"] if refresh else []
    outcomes = operate(choice.of(declared), engine, screen, choice, "preview", arguments)
    ok = all(outcome.ok for outcome in outcomes.values())
    if as_json:
        typer.echo(json.dumps({name: outcome.plain() for name, outcome in outcomes.items()}, indent=2))
    elif ok:
        _tell_order(declared, choice, engine, screen)
    if not refresh:
        screen.say("Only declared changes are shown; --refresh also looks for what was changed on hosts by hand.")
    if not ok:
        raise typer.Exit(ExitCode.FAILED)


def _tell_order(environment: Environment, choice: Choice, engine: Engine, screen: Screen) -> None:
    from dingli.stacks.canaries import across_sites  # the engine's library takes long to load: not for `--help`

    planned = across_sites(environment, choice.of(environment), engine.backend)
    if planned is not None:
        screen.say(f"canaries would be: {planned.text}; the other hosts after them, if they are well")
