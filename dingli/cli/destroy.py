"""Give the machines of an environment back: root's key counts again, the deploy account is gone; instances go."""

from __future__ import annotations

from typing import Annotated

import typer

from dingli.environment import load
from dingli.environment.readiness import called_sites, record_call
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import EnvironmentName
from dingli.stacks.calling import instances
from dingli.stacks.engine import Engine
from dingli.stacks.operation import Choice, operate
from dingli.stacks.screen import Screen

app = typer.Typer()


@app.command(epilog="Examples:\n\ndingli destroy lab\n\ndingli destroy lab --site dr --yes-destroy lab")
def destroy(
    environment: EnvironmentName,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    name: Annotated[
        str, typer.Option("--yes-destroy", help="The environment's name again, in place of the question.")
    ] = "",
    parallel: Annotated[int, typer.Option(min=1, help="Sites worked on at once.")] = 2,
) -> None:
    """Give the machines of an environment back: root's key counts again, the deploy account is gone.

    Machines of a site with `hosting: industry` are instances that its stack has made: they go, with their disks.
    """
    declared = load(environment)
    choice = Choice(tuple(site or ()), continue_on_error=True, parallel=parallel)
    screen = Screen()
    engine = Engine(declared, screen.show)
    stacks = [stack for stack in choice.of(declared) if engine.exists(stack)]
    screen.say(f"to be given back: {', '.join(map(str, stacks)) or 'nothing, there is no stack'}")
    removed = [host for stack in stacks for host in instances(engine.backend, stack)]
    if removed:
        screen.say(f"removed with their disks, being instances of a cloud: {', '.join(removed)}")
    typed = name or (
        typer.prompt(f"Type the environment's name ({declared.name}) to go on") if stacks else declared.name
    )
    if typed != declared.name:
        raise InputError(f"the name {typed!r}", declared.name, "nothing was changed")
    outcomes = operate(stacks, engine, screen, choice, "destroy", ["--yes", "--skip-preview", "--remove"])
    gone = [stack.site for stack in stacks if outcomes[stack.site].ok]
    record_call(declared.name, [name for name in called_sites(declared.name) if name not in gone])
    if not all(outcome.ok for outcome in outcomes.values()):
        raise typer.Exit(ExitCode.FAILED)
