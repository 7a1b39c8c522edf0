"""Give a journal member that lost its data its place in the cluster again."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from dingli import evidence
from dingli.cell.rejoin import look
from dingli.cell.rejoin import rejoin as bring_back
from dingli.confirmation import confirmed
from dingli.environment import load
from dingli.exceptions import DingliError, ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentName, Yes

app = typer.Typer()


@app.command(
    epilog="Examples:\n\ndingli rejoin prod dr-1\n\ndingli rejoin lab dr-1 --dry-run --json\n\n"
    "dingli rejoin lab dr-1 --yes"
)
def rejoin(
    environment: EnvironmentName,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The member's host.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    discard_data: Annotated[
        bool, typer.Option("--discard-data", help="Its data are there and cannot be read: put them aside.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give a journal member that lost its data its place in the cluster again.

    For a host whose disk or machine was replaced, or whose etcd cannot read what it has. The others go on meanwhile;
    until it is back, losing one more of them may stop trading. An interrupted run is gone on with by the same command.
    Exit status: 0 done, or the member is well; 1 refused or failed; 2 wrong input.
    """
    declared = load(environment)
    if host not in declared.journal.members:
        members = ", ".join(declared.journal.members)
        raise InputError(f"{host} is no member of {environment}'s journal", members, "name one of these")
    steps = look(declared, host, discard_data)
    said: dict[str, Any] = {"host": host, "steps": [step.value for step in steps], "seconds": None, "evidence": None}
    for number, step in enumerate(() if as_json else steps, 1):
        typer.echo(f"{number}. {step}")
    if not steps:
        if not dry_run:
            bring_back(declared, host, steps)  # what an interrupted run may have left
        _end("nothing to do", f"{host}: its member is well", said, as_json)
    if dry_run:
        _end("would be done", "nothing was touched", said, as_json)
    if not (yes or confirmed(declared)):
        typer.echo("not confirmed: nothing was touched", err=True)
        raise typer.Exit(ExitCode.FAILED)
    began = time.monotonic()
    with evidence.run(declared, kind="rejoin", title=f"journal member {host}") as run:

        def tell(line: str) -> None:
            run.event("step", text=line)
            if not as_json:
                typer.echo(f"[{time.monotonic() - began:5.1f} s] {line}")

        now = look(declared, host, discard_data)  # the yes may have taken a while, and the member may be back
        if now != steps:
            found = "; ".join(now) or "its member is well"
            raise DingliError(
                f"since the preview things have changed: {found}", "what the preview showed", "look again"
            )
        bring_back(declared, host, steps, tell)
        run.result = evidence.Result.PASSED
        said |= {"seconds": round(time.monotonic() - began, 1), "evidence": str(run.folder)}
    _end("done", f"{host} has a vote again, after {said['seconds']} s; evidence: {said['evidence']}", said, as_json)


def _end(result: str, text: str, said: dict[str, Any], as_json: bool) -> None:
    typer.echo(json.dumps({"result": result, **said}, indent=1) if as_json else text)
    raise typer.Exit(ExitCode.OK)
