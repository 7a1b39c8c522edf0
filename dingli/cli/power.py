"""Power of a host, through the driver that its environment declares."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from dingli.environment import load
from dingli.exceptions import InputError
from dingli.parameters import AsJson, EnvironmentName
from dingli.power import power_on, power_status

app = typer.Typer()


class Action(StrEnum):
    """What is asked of the driver. Cutting power is a drill's, which gives it back."""

    ON = "on"
    STATUS = "status"


@app.command(epilog="Examples:\n\ndingli power prod dr-1 status\n\ndingli power prod dr-1 on --json")
def power(
    environment: EnvironmentName,
    host: Annotated[str, typer.Argument(metavar="HOST", help="A declared host.")],
    action: Annotated[Action, typer.Argument(help="on: give it back; status: only ask.")],
    as_json: AsJson = False,
) -> None:
    """Give a host its power back, or ask its power controller.

    For after a drill that left something dark: whatever is declared for the host (a command, a cloud's API) is used.
    """
    declared = load(environment)
    if host not in declared.hosts:
        raise InputError(f"the host {host!r}", f"one of: {', '.join(declared.hosts)}", "correct the name")
    if action is Action.ON:
        power_on(declared, host)
        said = "has power, or is being started"
    else:
        said = power_status(declared, host)
    typer.echo(json.dumps({"host": host, "said": said}) if as_json else f"{host}: {said}")
