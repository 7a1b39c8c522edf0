"""Say what is there, on one screen: sites, hosts, journal, cells, gateways, sessions, and what is wrong."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from dingli.environment import Environment, load
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import EnvironmentName
from dingli.status import Hosts, Picture, look

app = typer.Typer()

_EVERY_S = 2.0
_EPILOG = (
    "Examples:\n\ndingli status lab\n\ndingli status lab --watch\n\ndingli status lab --watch 5\n\n"
    "dingli status lab --order\n\ndingli status lab --json"
)


@app.command(epilog=_EPILOG)
def status(
    environment: EnvironmentName,
    seconds: Annotated[
        float | None, typer.Argument(metavar="[SECONDS]", min=0.5, help="With --watch: from one look to the next.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    summary: Annotated[bool, typer.Option("--summary", help="End with how to run a drill and an audit.")] = False,
    order: Annotated[bool, typer.Option("--order", help="Send one real order through every gateway too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For another program; with --watch a line each.")] = False,
) -> None:
    """Say what is there, on one screen: sites, hosts, journal, cells, gateways, sessions, and what is wrong.

    Exit status: 0 healthy, 1 degraded, 2 wrong input. --watch ends with that of the last look.
    """
    if seconds is not None and not watch:
        raise InputError(f"{seconds:g} after the environment", "--watch before it", "dingli status ENV --watch SECONDS")
    if watch and order:
        raise InputError("--watch with --order", "one of them", "an order is sent once, not at every look")
    declared = load(environment)
    with Hosts(declared) as hosts:
        if watch:
            found = _watch(declared, hosts, seconds or _EVERY_S, as_json)
        else:
            found = look(declared, hosts, send_order=order)
            _show(declared, found, as_json)
    if summary:
        typer.echo(what_next(declared.name))
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)


def _show(environment: Environment, found: Picture, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.plain(), indent=2, ensure_ascii=False))
        return
    from dingli.status.screen import console, render

    console().print(render(environment, found))


def _watch(environment: Environment, hosts: Hosts, every_s: float, as_json: bool) -> Picture:
    """The last picture, after Ctrl-C (or SIGTERM, which would leave a terminal without its cursor)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pictures: list[Picture] = []
    try:
        if sys.stdout.isatty() and not as_json:
            _watch_live(environment, hosts, every_s, pictures)
        for found in _looks(environment, hosts, every_s, pictures):
            if as_json:
                print(json.dumps(found.plain(), ensure_ascii=False), flush=True)
            else:
                _show(environment, found, as_json=False)
    except KeyboardInterrupt:
        if not pictures:
            raise typer.Exit(ExitCode.UNKNOWN) from None
    return pictures[-1]


def _looks(environment: Environment, hosts: Hosts, every_s: float, pictures: list[Picture]) -> Iterator[Picture]:
    """Without an end; the newest is kept in `pictures` too."""
    while True:
        due = time.monotonic() + every_s
        pictures[:] = [look(environment, hosts)]
        yield pictures[0]
        time.sleep(max(0.0, due - time.monotonic()))


def _watch_live(environment: Environment, hosts: Hosts, every_s: float, pictures: list[Picture]) -> None:
    from rich.live import Live
    from rich.text import Text

    from dingli.status.screen import console, render

    first = Text(f"asking the hosts of {environment.name} …")
    with Live(first, console=console(), screen=True, auto_refresh=False) as live:
        for found in _looks(environment, hosts, every_s, pictures):
            live.update(render(environment, found), refresh=True)


def what_next(name: str) -> str:
    """The commands that a newcomer needs after the first look."""
    lines = ["", "what next"]
    lines.append(f"  a drill        dingli drill site_loss {name}")
    lines.append(f"  an audit       dingli audit {name}")
    lines.append(f"  any change     edit stacks/environments/{name}.yaml")
    lines.append(f"                 dingli preview {name}; dingli up {name}")
    return "\n".join(lines)
