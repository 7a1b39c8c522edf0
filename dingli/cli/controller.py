"""Keep the controller replaceable: export all that it knows, see the copies at other sites, take over from one."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dingli.controller import copies, recovery
from dingli.controller.copies import CopyOutcome
from dingli.controller.envelope import parse
from dingli.controller.export import export as make_export
from dingli.controller.export import write_export
from dingli.controller.restore import restore
from dingli.environment import load, project_root
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentName
from dingli.stacks.engine import Engine

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli controller key lab --to /media/safe/lab.key\n\ndingli controller export lab\n\n"
    "dingli controller list lab\n\ndingli controller import lab.export --key /media/safe/lab.key",
)


@app.command(
    epilog="Examples:\n\ndingli controller key lab\n\ndingli controller key prod --to /media/safe/prod.key --json"
)
def key(
    environment: EnvironmentName,
    to: Annotated[
        Path | None, typer.Option(help="Where the recovery key goes; left out: the user's data folder.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Make another one. Exports made before still need the old one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the recovery key, which alone opens exports. Take its file away from this machine."""
    name = load(environment).name
    if recovery.has_maker(name) and not replace:
        raise InputError(
            f"{name} has a recovery key already", "one key for all exports", "--replace if it is lost or was seen"
        )
    made, file = recovery.make_key(name, to)
    if as_json:
        typer.echo(json.dumps({"environment": name, "recipient": made.recipient, "file": str(file)}, indent=2))
        return
    typer.echo(f"{name}: recovery key {made.recipient} made: {file}")
    typer.echo(
        "Who has it can open every export; without it none can be opened. Keep it elsewhere, and not at one site only."
    )


@app.command(
    "export", epilog="Examples:\n\ndingli controller export lab\n\ndingli controller export lab --to lab.export --json"
)
def export_controller(
    environment: EnvironmentName,
    to: Annotated[
        Path | None, typer.Option(help="Write a file (mode 0600); left out: send copies to two other sites.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export state, keys, certificate authority and environment file, encrypted to the recovery key."""
    declared = load(environment)
    data = make_export(declared)
    if to is None:
        _tell(copies.send(declared, data), as_json)
        return
    write_export(data, to)
    header = parse(data).header
    facts = header.model_dump() | {"file": str(to), "size": len(data)}
    typer.echo(
        json.dumps(facts, indent=2) if as_json else f"{to}: {len(data)} bytes, opens with key {header.recipient}"
    )


@app.command("list", epilog="Examples:\n\ndingli controller list lab\n\ndingli controller list lab --json")
def list_copies(environment: EnvironmentName, as_json: AsJson = False) -> None:
    """List the copies at other sites, with their age. Status 1: a site has none; 3: one could not be asked."""
    _tell(copies.ask(load(environment)), as_json)


@app.command(
    "import",
    epilog="Examples:\n\n"
    "ssh dr-1 sudo -u dingli-copies /usr/local/lib/dingli/controller-copies get lab > lab.export\n\n"
    "dingli controller import lab.export --key /media/safe/lab.key\n\n"
    "dingli controller import lab.export --replace --json",
)
def import_controller(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `dingli controller export` made.")],
    key_file: Annotated[
        Path | None, typer.Option("--key", help="The recovery key's file; left out: the user's data folder.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move aside what this clone has of the environment.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make this clone the environment's controller. The earlier one must not be used any more."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", "an export that can be read", "correct the path") from None
    sealed = parse(data)
    header = sealed.header
    done = restore(sealed, recovery.find_key(header.recipient, key_file), replace=replace)
    if as_json:
        facts: dict[str, Any] = {"environment": done.environment, "made": header.made, "by": header.by}
        facts |= {"written": [str(path.relative_to(project_root())) for path in done.written]}
        typer.echo(json.dumps(facts | {"replaced": str(done.replaced) if done.replaced else None}, indent=2))
        return
    name = done.environment
    typer.echo(f"{name}: this clone is its controller now, as of {header.made} ({header.by})")
    typer.echo(
        f"  {len(done.written)} files written{f'; what they replaced is in {done.replaced}' if done.replaced else ''}"
    )
    if done.shared_state:
        typer.echo(f"  the stacks' state is in the bucket; the export's copy is in .dingli/{name}/state-copy")
    typer.echo(f"  next: dingli status {name}; where stacks are to be changed: make setup, then dingli preview {name}")
    typer.echo("  the earlier controller must not be used any more: two of them contradict each other")


@app.command(epilog='Examples:\n\ndingli controller backend lab\n\neval "$(dingli controller backend lab --shell)"')
def backend(
    environment: EnvironmentName,
    shell: Annotated[bool, typer.Option("--shell", help="Print what a shell needs for plain `pulumi`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say where the stacks' state is, and whether it can be used from here."""
    engine = Engine(load(environment), lambda site, message: None)
    url = engine.backend.url
    if shell:
        typer.echo(f"export PULUMI_BACKEND_URL={shlex.quote(url)}")
        return
    engine.backend.require()
    typer.echo(json.dumps({"backend": url, "usable": True}, indent=2) if as_json else f"{url}: can be used from here")


def _tell(found: list[CopyOutcome], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([outcome.plain() for outcome in found], indent=2))
    else:
        now = datetime.now(UTC)
        for outcome in found:
            for line in _lines(outcome, now):
                typer.echo(f"{outcome.host:<14} {line}")
        if not found:
            typer.echo("no host of another site keeps copies")
    if any(outcome.trouble for outcome in found):
        raise typer.Exit(ExitCode.UNKNOWN)
    if not found or not all(outcome.copies for outcome in found):
        raise typer.Exit(ExitCode.FAILED)


def _lines(outcome: CopyOutcome, now: datetime) -> list[str]:
    if outcome.trouble:
        return [f"could not be asked: {outcome.trouble}"]
    rows = []
    for copy in outcome.copies:
        age = copy.age_s(now)
        state = f"DAMAGED: {copy.damaged}" if copy.damaged else f"key {copy.recipient}  by {copy.by}"
        rows.append(f"{_words(age):>12}  {copy.made:<20}  {copy.size:>9} bytes  {copy.sha256[:12]}  {state}")
    return rows or ["no copy"]


def _words(age_s: float | None) -> str:
    if age_s is None:
        return "age unknown"
    for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if age_s >= 2 * seconds:
            return f"{age_s // seconds:.0f} {unit} ago"
    return f"{max(age_s, 0):.0f} s ago"
