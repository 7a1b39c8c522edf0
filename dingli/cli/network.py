"""The declared flows, a picture of them, and whether they are what is true on the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dingli.environment import load
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentName

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli network flows lab\n\ndingli network show lab\n\ndingli network scan lab",
)


@app.command(
    epilog="Examples:\n\ndingli network flows lab\n\ndingli network flows lab --from primary-2 --to standby\n\n"
    "dingli network flows lab --to ops-1 --json"
)
def flows(
    environment: EnvironmentName,
    source: Annotated[
        str | None, typer.Option("--from", metavar="WHO", help="A host, a site, an address, controllers or members.")
    ] = None,
    destination: Annotated[str | None, typer.Option("--to", metavar="WHO", help="The same.")] = None,
    as_json: AsJson = False,
) -> None:
    """List who may talk to whom, and why; whatever is not here, every host's packet filter denies."""
    from dingli.network import flows as derived
    from dingli.network.choice import chosen
    from dingli.network.screen import console, flow_table

    declared = load(environment)
    found = chosen(declared, derived(declared), source, destination)
    if as_json:
        typer.echo(json.dumps([flow.plain() for flow in found], indent=2, ensure_ascii=False))
    else:
        console().print(flow_table(found))


@app.command(
    epilog="Examples:\n\ndingli network show lab\n\ndingli network show lab --svg network.svg\n\n"
    "dingli network show lab --json"
)
def show(
    environment: EnvironmentName,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this file instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show sites, hosts, the flows from site to site, and the encrypted lines with their state.

    Exit status: 0 every line is up (or none is declared), 1 a line is down, 3 none is, but of one it could not be told.
    """
    from dingli.network.drawing import as_svg
    from dingli.network.lines import ask_lines, exit_code
    from dingli.network.screen import console, network
    from dingli.network.sites import plain

    declared = load(environment)
    lines = ask_lines(declared)
    if svg is not None:
        try:
            svg.write_text(as_svg(declared, lines), encoding="utf-8")
        except OSError as error:
            found = f"--svg {svg}: {error.strerror}"
            raise InputError(found, "a file that can be written", "name another one") from error
    if as_json:
        typer.echo(json.dumps(plain(declared, [line.plain() for line in lines]), indent=2, ensure_ascii=False))
    elif svg is None:
        console().print(network(declared, lines))
    else:
        typer.echo(f"{svg}: {len(declared.sites)} sites, {len(declared.hosts)} hosts, {len(lines)} lines")
    raise typer.Exit(exit_code(lines))


@app.command(epilog="Examples:\n\ndingli network scan lab\n\ndingli network scan lab --json")
def scan(environment: EnvironmentName, as_json: AsJson = False) -> None:
    """Try every port from every host to every other, compare with the declared flows, and leave evidence.

    Exit status: 0 as declared, 1 something is open or closed against the declaration, 3 nothing is, but something
    could not be told.
    """
    from dingli import evidence
    from dingli.network.scan import scan as try_everything
    from dingli.network.screen import console, scan_result

    declared = load(environment)
    results = {ExitCode.OK: evidence.Result.PASSED, ExitCode.FAILED: evidence.Result.FAILED}
    with evidence.run(declared, kind="scan", title=f"network of {declared.name}") as kept:
        report = try_everything(
            declared,
            lambda line: typer.echo(line, err=True),
            lambda host, output: kept.add_raw(f"{host}.json", output),
        )
        kept.add_raw("report.json", json.dumps(report.plain(), indent=2, ensure_ascii=False))
        kept.event("judged", **report.plain()["counts"])
        kept.result = results.get(report.exit_code, evidence.Result.UNKNOWN)
    if as_json:
        typer.echo(json.dumps(report.plain(), indent=2, ensure_ascii=False))
    else:
        console().print(scan_result(declared, report))
    raise typer.Exit(report.exit_code)
