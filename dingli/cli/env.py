"""Check an environment file, and show what is derived from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from dingli.environment import Environment, load
from dingli.environment.certificates import certificates
from dingli.environment.etcd import initial_cluster
from dingli.environment.inventory import inventory
from dingli.environment.problems import InvalidEnvironment
from dingli.environment.services import core_configuration, gateway_configuration
from dingli.environment.witnesses import witness_hosts
from dingli.parameters import AsJson, EnvironmentOrPath

app = typer.Typer(no_args_is_help=True, epilog="Examples:\n\ndingli env check lab\n\ndingli env show lab")


@app.command(epilog="Examples:\n\ndingli env check lab\n\ndingli env check ./draft.yaml --json")
def check(name: EnvironmentOrPath, as_json: AsJson = False) -> None:
    """Read the file; print every mistake with its line."""
    try:
        environment = load(name).declared
    except InvalidEnvironment as error:
        if not as_json:
            raise
        found = [asdict(problem) | {"file": str(problem.file)} for problem in error.problems]
        typer.echo(json.dumps({"valid": False, "problems": found}, indent=2))
        raise typer.Exit(error.exit_code) from None
    if as_json:
        typer.echo(json.dumps({"valid": True, "problems": [], "notes": _notes(environment)}, indent=2))
        return
    sites, hosts, cells = len(environment.sites), len(environment.hosts), len(environment.cells)
    typer.echo(f"{environment.name}: no mistakes; sites: {sites}, hosts: {hosts}, cells: {cells}")
    for note in _notes(environment):
        typer.echo(f"note: {note}")


@app.command(epilog="Examples:\n\ndingli env show lab\n\ndingli env show lab --json")
def show(name: EnvironmentOrPath, as_json: AsJson = False) -> None:
    """Show what is derived from the file: inventory, members, certificates, configurations."""
    loaded = load(name)
    environment = loaded.declared
    if as_json:
        typer.echo(json.dumps(derived(environment) | {"there": list(loaded.hosts)}, indent=2))
        return
    for site in environment.sites.values():
        typer.echo(f"{site.name} ({site.role.value}, {site.city}, {site.network})")
        for host in environment.hosts_at(site.name):
            note = f"{', emulated' * host.emulated}{', only while called' * environment.on_call(host.name)}"
            typer.echo(f"  {host.name:<16} {host.address!s:<16} {host.arch.value} {host.os.value}{note}")
            typer.echo(f"  {'':<16} {', '.join(_runs(environment, host.name)) or 'nothing'}")


def derived(environment: Environment) -> dict[str, Any]:
    """The environment and everything derived from it, as plain data."""
    return {
        "environment": environment.model_dump(mode="json"),
        "inventory": inventory(environment),
        "initial_cluster": initial_cluster(environment),
        "witnesses": list(witness_hosts(environment)),
        "certificates": {host: [one.plain() for one in certificates(environment, host)] for host in environment.hosts},
        "cores": {
            cell.name: {core.host: core_configuration(environment, cell.name, core.host) for core in cell.cores}
            for cell in environment.cells.values()
        },
        "gateways": {
            cell.name: {host: gateway_configuration(environment, cell.name, host) for host in cell.gateways}
            for cell in environment.cells.values()
        },
        "notes": _notes(environment),
    }


def _runs(environment: Environment, host: str) -> list[str]:
    runs = ["journal member"] if host in environment.journal.members else []
    for cell in environment.cells.values():
        runs += [f"{core.kind.value} core of {cell.name}" for core in cell.cores if core.host == host]
        state = "" if host in cell.running_gateways else " (stopped)"
        runs += [f"gateway of {cell.name}{state}"] if host in cell.gateways else []
    return runs + (["witness"] if host in witness_hosts(environment) else [])


def _notes(environment: Environment) -> list[str]:
    chosen = environment.journal.majority_site
    return [f"losing site {chosen} needs promotion by hand: it holds a majority of the journal"] if chosen else []
