"""Write the file of a new environment, from questions or from flags."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dingli.exceptions import InputError
from dingli.initialise import Answers, flags, questions
from dingli.initialise.write import checked, refuse_name, write

app = typer.Typer()

_EPILOG = """Examples:

dingli init prod

dingli init trial --print --supernet 10.8.0.0/16 --site a=primary,east,10.8.1.0/24 --site b=standby,east,10.8.2.0/24
--site c=dr,west,10.8.3.0/24 --host a-1=a,10.8.1.11 --host b-1=b,10.8.2.11 --host c-1=c,10.8.3.11

Two trading sites, and a witness at ops: --site ops=ops,east,10.8.9.0/24 --host ops-1=ops,10.8.9.11

A host of another kind: --host b-2=b,10.8.2.12,aarch64,debian-12

An instrument: --instrument CU2612,100000,10000,100000,999900000

A power controller: --power-off "pdu off {host} {seconds}" --power-on "pdu on {host}" --power-status "pdu ask {host}"
"""


@app.command(epilog=_EPILOG)
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new environment.")],
    kind: Annotated[str, typer.Option(help="lab or production; drills run unattended only on a lab.")] = "production",
    supernet: Annotated[str, typer.Option(help="The network inside which every site's lies.")] = "10.0.0.0/8",
    site: Annotated[
        list[str] | None, typer.Option(help="NAME=ROLE,CITY,NETWORK[,USER@BASTION[:PORT]]; one for each site.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="NAME=SITE,ADDRESS[,ARCH[,OS[,emulated]]]; one for each host.")
    ] = None,
    witness: Annotated[str, typer.Option(help="With two trading sites: the journal's third member, at ops.")] = "",
    cell: Annotated[list[str] | None, typer.Option(help="A cell's name; alpha if left out.")] = None,
    instrument: Annotated[
        list[str] | None,
        typer.Option(help="[CELL:]SYMBOL,TICK,MAX_QUANTITY,MIN_PRICE,MAX_PRICE; prices in 1/10,000."),
    ] = None,
    members: Annotated[int, typer.Option(min=1, max=900, help="Members' sessions in each cell.")] = 8,
    service_rto: Annotated[float, typer.Option(help="Target, seconds.")] = 10,
    member_rto: Annotated[float, typer.Option(help="Target, seconds.")] = 60,
    rpo: Annotated[int, typer.Option(min=0, help="Target, acknowledged commands missing.")] = 0,
    orders: Annotated[int, typer.Option(min=1, help="Target, orders a second.")] = 500,
    handover: Annotated[str, typer.Option(help="File of the data centre: root key, host keys' fingerprints.")] = "",
    power_off: Annotated[str, typer.Option(help="Command that cuts power; gets {host} and {seconds}.")] = "",
    power_on: Annotated[str, typer.Option(help="Command that returns it; gets {host}.")] = "",
    power_status: Annotated[str, typer.Option(help="Command that only asks; gets {host}.")] = "",
    redfish: Annotated[str, typer.Option(help="URL,USER,PASSWORD_FILE; the URL gets {host}.")] = "",
    unattended: Annotated[bool, typer.Option("--unattended", help="Never ask; so also without a terminal.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the file instead of writing it.")] = False,
) -> None:
    """Write the file of a new environment, stacks/environments/NAME.yaml, from questions or from flags.

    With sites and hosts as flags nothing is asked. What is written has no mistakes; a file that exists is left alone,
    and after Ctrl-C there is none.
    """
    refuse_name(name, existing=not show)
    given = Answers(
        name=name,
        kind=kind,
        supernet=supernet,
        sites=tuple(map(flags.place, site or ())),
        hosts=tuple(map(flags.machine, host or ())),
        cells=flags.cells(cell or (), instrument or ()) if cell or instrument else {},
        handover=handover,
        power=flags.driver(power_off, power_on, power_status, redfish),
        members=members,
        witness=witness,
        targets={
            "service_rto_s": service_rto, "member_rto_s": member_rto, "rpo_commands": rpo, "orders_per_s": orders
        },
    )  # fmt: skip
    text = checked(_complete(given, unattended))
    if show:
        typer.echo(text, nl=False)
        return
    typer.echo(f"wrote {write(name, text)}")
    typer.echo(
        f"next: read it, then `dingli check {name}` looks at the machines, and `dingli preview {name}` at the plan"
    )


def _complete(given: Answers, unattended: bool) -> Answers:
    """With what was not given: asked for, unless nobody can be, or nothing need be."""
    if given.sites and given.hosts:
        return given if given.cells else Answers(**{**vars(given), "cells": flags.cells((), ())})
    if unattended or not sys.stdin.isatty():
        lacking = [option for option, there in (("--site", given.sites), ("--host", given.hosts)) if not there]
        raise InputError(f"no {' and no '.join(lacking)}", "sites and hosts", "give them, or run it on a terminal")
    return questions.ask(given)
