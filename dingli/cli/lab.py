"""The lab: sites of systemd hosts on this machine, with a power switch for each."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import Annotated

import typer

from dingli.environment import load, project_root
from dingli.exceptions import DingliError, InputError
from dingli.parameters import AsJson, Yes
from lab import containers, controller, layout, lifecycle, power, survey
from lab.cloud import survey as cloud_survey
from lab.exceptions import LabError
from lab.places import LAYOUT

_HELP = "Sites of systemd hosts on this machine, with a power switch for each."
_EPILOG = (
    "Examples:\n\ndingli lab up\n\ndingli lab status\n\ndingli lab power primary-1 off --for 60s\n\n"
    "dingli lab line primary--dr--1 cut --for 60s"
)

app = typer.Typer(no_args_is_help=True, help=_HELP, epilog=_EPILOG)

_Host = Annotated[str, typer.Argument(metavar="HOST", help="A host that `dingli lab status` shows.")]
_Environment = Annotated[str, typer.Option("--environment", "-e", help="Its hosts and networks make the lab.")]


class _Progress:
    """Phases with the time each took, on standard error."""

    def __init__(self) -> None:
        self._begun = self._start = time.monotonic()
        self._phase = ""

    def phase(self, name: str) -> None:
        self._finish()
        self._phase, self._start = name, time.monotonic()

    def tell(self, line: str) -> None:
        typer.echo(f"      {line}", err=True)

    def done(self, line: str) -> None:
        self._finish()
        typer.echo(f"{line} ({time.monotonic() - self._begun:.1f} s)", err=True)

    def _finish(self) -> None:
        if self._phase:
            typer.echo(f"{time.monotonic() - self._start:6.1f} s  {self._phase}", err=True)


def _unattended() -> bool:
    return os.environ.get("CI", "").lower() == "true"


@app.command(epilog="Examples:\n\ndingli lab up\n\ndingli lab up --environment lab")
def up(environment: _Environment = "lab") -> None:
    """Bring the lab up and wait until every host answers SSH. Does nothing if it is up."""
    progress = _Progress()
    wanted = layout.of(load(environment))
    lifecycle.up(wanted, project_root(), _unattended(), progress.phase, progress.tell)
    progress.done(f"the lab is up: {len(wanted.hosts)} hosts")


@app.command(epilog="Examples:\n\ndingli lab down")
def down() -> None:
    """Remove hosts (their disks too) and networks. Keys, identities and images stay for the next `up`.

    What stacks remember of the hosts stays too, and new disks know nothing of it: `make down` removes both.
    """
    progress = _Progress()
    lifecycle.refuse_foreign(project_root())
    progress.phase("removing hosts and networks")
    lifecycle.down(progress.tell)
    progress.done("the lab is down")


@app.command(epilog="Examples:\n\ndingli lab reset\n\ndingli lab reset --yes")
def reset(yes: Yes = False) -> None:
    """Remove everything of the lab, whichever clone made it: hosts, networks, keys, identities, images."""
    lifecycle.refuse_reset(project_root(), _unattended())
    if not (yes or _unattended()):
        typer.confirm("Remove this machine's lab with its keys and identities?", abort=True)
    progress = _Progress()
    progress.phase("removing everything")
    lifecycle.reset(progress.tell)
    progress.done("nothing is left of the lab")


@app.command(epilog="Examples:\n\ndingli lab status\n\ndingli lab status --json")
def status(as_json: AsJson = False) -> None:
    """Hosts, their addresses, and whether they have power."""
    seen = survey.look()
    if as_json:
        typer.echo(json.dumps(asdict(seen), indent=1))
        return
    if not seen.hosts:
        typer.echo("the lab is down")
        return
    typer.echo(f"lab of {seen.owner}, {seen.supernet}")
    if not seen.controller:
        typer.echo("the power controller does not run: `dingli lab up` starts it")
    for host in seen.hosts:
        left = host.power_returns_in_s
        state = host.state if left is None else f"off, power returns in {left:.0f} s"
        uptime = "" if host.uptime_s is None else f"up {host.uptime_s:.0f} s"
        emulated = "  emulated" if host.emulated else ""
        typer.echo(f"{host.name:14} {host.address:15} {host.site:9} {host.image:28} {state:9} {uptime}{emulated}")
    if seen.instances:
        typer.echo(f"on the cloud, which `dingli lab cloud` shows: {', '.join(seen.instances)}")


@app.command(epilog="Examples:\n\ndingli lab console primary-1")
def console(host: _Host) -> None:
    """A root shell on a host's console, which needs no network."""
    _, machines = _running_lab()
    command = containers.console(machines.host(host).name)
    os.execvp(command[0], command)  # noqa: S606 - a fixed program, and the terminal is its own from here on


@app.command(epilog="Examples:\n\ndingli lab cloud\n\ndingli lab cloud --json")
def cloud(as_json: AsJson = False) -> None:
    """The lab's industry cloud: where it is, its images and instances, and what to tell Pulumi."""
    seen = cloud_survey.look()
    if as_json:
        typer.echo(json.dumps(asdict(seen), indent=1))
        return
    for line in cloud_survey.lines(seen):
        typer.echo(line)


@app.command("power", epilog="Examples:\n\ndingli lab power primary-1 off --for 60s\n\ndingli lab power primary-1 on")
def power_(
    host: _Host,
    state: Annotated[str, typer.Argument(metavar="STATE", help="off, on, or status, which only asks.")],
    duration: Annotated[str, typer.Option("--for", help="When power returns by itself: 60s, 2m; at most 10m.")] = "",
) -> None:
    """Cut a host's power, or return it. A power-off always ends by itself, whatever becomes of its caller."""
    _, machines = _running_lab()
    name = machines.host(host).name
    if state == "status" and not duration:
        typer.echo(_power_state(name))
        return
    controller.start()
    if state == "on" and not duration:
        answer = controller.ask({"op": "on", "host": name})
        typer.echo(f"{name} {'has power' if answer['changed'] else 'had power already'}")
    elif state == "off" and duration:
        seconds = power.duration_s(duration)
        controller.ask({"op": "off", "host": name, "seconds": seconds})
        typer.echo(f"{name} has no power for {seconds:g} s")
    else:
        raise InputError(
            f"power {state} --for {duration or 'nothing'}",
            "`off --for 60s`, `on`, or `status`",
            "see `dingli lab power --help`",
        )


@app.command(
    epilog="Examples:\n\ndingli lab line\n\ndingli lab line primary--dr--1 cut --for 60s\n\n"
    "dingli lab line primary--dr--1 mend\n\ndingli lab line primary--dr--1 status --json"
)
def line(
    name: Annotated[str, typer.Argument(metavar="[LINE]", help="All lines are shown if none is named.")] = "",
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help="cut, mend, or status, which only asks.")] = "",
    duration: Annotated[str, typer.Option("--for", help="When it is mended by itself: 60s, 2m; at most 10m.")] = "",
    as_json: AsJson = False,
) -> None:
    """Cut a line between sites, outside of the hosts, or mend it. A cut always ends by itself, whatever becomes of its
    caller."""
    _, machines = _running_lab()
    names = [machines.line(name).name] if name else [one.name for one in machines.lines]
    if action == "cut" and duration:
        seconds = power.duration_s(duration, "a cut")
        controller.start()
        controller.ask({"op": "cut", "line": name, "seconds": seconds})
    elif action == "mend" and not duration:
        controller.start()
        controller.ask({"op": "mend", "line": name})
    elif action not in ("", "status") or duration:
        raise InputError(
            f"line {name} {action} --for {duration or 'nothing'}",
            "`cut --for 60s`, `mend`, or `status`",
            "see `dingli lab line --help`",
        )
    _show_lines(names, as_json)


def _show_lines(names: list[str], as_json: bool) -> None:
    """As the power controller keeps them, without which nothing is mended."""
    if not controller.is_alive():
        raise LabError("the power controller does not run", "one that answers", "run `dingli lab up`")
    seen = [one for one in survey.look_at_lines() if one.name in names]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in seen], indent=1))
        return
    for one in seen:
        state = one.state if one.mends_in_s is None else f"cut, mends by itself in {one.mends_in_s:.0f} s"
        typer.echo(f"{one.name:24} {one.ends[0]:15} {one.ends[1]:15} {state}")
    if not names:
        typer.echo("the environment that made the lab declares no lines")


def _power_state(host: str) -> str:
    """Asks; unlike a request for power it starts nothing."""
    seen = survey.look()
    if not seen.controller:
        raise LabError("the power controller does not run", "one that answers", "run `dingli lab up`")
    return next(one.state for one in seen.hosts if one.name == host)


def _running_lab() -> tuple[str, layout.Layout]:
    lifecycle.refuse_foreign(project_root())
    machines = layout.read(LAYOUT)
    if machines is None:
        raise DingliError("the lab is down", remedy="run `dingli lab up`")
    return str(project_root()), machines
