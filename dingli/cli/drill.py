"""Rehearse a fault or a switch: plan, steady-state gate, fault, measured RTO and RPO, fail-back, verdict."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import yaml

from dingli.environment import project_root
from dingli.exceptions import ExitCode, InputError

if TYPE_CHECKING:
    from drills.kinds import Judged

app = typer.Typer()

_EPILOG = (
    "Examples:\n\ndingli drill (lists them)\n\n"
    "dingli drill site_loss lab\n\n"
    "dingli drill site_loss lab --site standby --off 30\n\n"
    "dingli drill core_kill lab --yes --cell alpha\n\n"
    "dingli drill switch lab --yes --takeover-by standby-2/minimal --json\n\n"
    "dingli drill ransomware prod --key /media/safe/prod.key"
)


def experiments() -> dict[str, dict[str, Any]]:
    """Every drill by name, as its file describes it."""
    return {path.stem: _read(path) for path in sorted((project_root() / "drills").glob("*.yaml"))}


def _read(path: Path) -> dict[str, Any]:
    experiment: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return experiment


@app.command(epilog=_EPILOG)
def drill(
    name: str = typer.Argument("", metavar="[DRILL]", help="The drill: a file drills/DRILL.yaml. None: list them."),
    environment: str = typer.Argument("lab", metavar="[ENV]", help="The environment, by name or its file's path."),
    cell: str = typer.Option(None, help="The cell that is drilled; the first one unless told otherwise."),
    site: str = typer.Option(None, help="The site of a drill that has one: it loses power, or is called."),
    takeover_by: str = typer.Option(None, help="The core that has to take over; other candidates are held back."),
    rate: float = typer.Option(None, min=1, max=5000, help="Orders a second of all members together."),
    off_s: int = typer.Option(None, "--off", min=5, max=300, help="Longest time that the fault may last, seconds."),
    load_s: int = typer.Option(None, "--load", min=20, max=900, help="How long members trade, seconds."),
    recovery_key: Annotated[
        Path | None, typer.Option("--key", help="The recovery key's file: `ransomware` opens the controller's export.")
    ] = None,
    yes: bool = typer.Option(False, "--yes", help="Do not ask (environments of kind lab only)."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON at the end."),
) -> None:
    """Runs one drill, or lists them. Exit status: 0 passed, 1 failed or refused, 3 unknown."""
    found = experiments()
    if not name:
        _list(found, as_json)
        return
    if name not in found:
        raise InputError(f"no drill {name!r}", f"one of {', '.join(found)}", "`dingli drill` lists them")
    asked: dict[str, Any] = {
        "cell": cell,
        "site": site,
        "takeover_by": takeover_by,
        "rate": rate,
        "off_s": off_s,
        "load_s": load_s,
    }
    asked["recovery_key"] = recovery_key.absolute() if recovery_key else None
    given = {key: str(value) for key, value in asked.items() if value is not None}
    experiment = configured(found[name], name, environment, given, yes)
    os.environ["CHAOSTOOLKIT_DISABLE_TELEMETRY"] = "1"
    from chaoslib.experiment import run_experiment

    run_experiment(experiment, {"runtime": {"rollbacks": {"strategy": "always"}}})
    _end(as_json)


def _end(as_json: bool) -> NoReturn:
    """Tells the verdict; raises typer.Exit with its status."""
    from drills.controls.drill import held

    if held.refused is not None:
        raise typer.Exit(held.refused.exit_code)
    report = held.report
    if report is None:
        raise typer.Exit(ExitCode.UNKNOWN)
    if as_json:
        typer.echo(json.dumps(report.as_data(), indent=1))
    else:
        _summary(report)
    raise typer.Exit({"pass": ExitCode.OK, "fail": ExitCode.FAILED}.get(report.verdict, ExitCode.UNKNOWN))


def configured(
    experiment: dict[str, Any], name: str, environment: str, given: dict[str, str], yes: bool
) -> dict[str, Any]:
    """The experiment with what was given in place of its defaults; InputError for what this drill does not know."""
    defaults = {key: str(value["default"]) for key, value in experiment["configuration"].items()}
    options = {"off_s": "--off", "load_s": "--load", "takeover_by": "--takeover-by", "recovery_key": "--key"}
    if unknown := [options.get(key, f"--{key}") for key in given if key not in defaults]:
        raise InputError(f"{name} with {', '.join(unknown)}", "an option that this drill has", "leave it out")
    own = {"environment": environment, "assume_yes": "yes" if yes else ""}
    return {**experiment, "configuration": defaults | given | own}


def _list(found: dict[str, dict[str, Any]], as_json: bool) -> None:
    lines = {name: str(experiment["description"]) for name, experiment in found.items()}
    if as_json:
        typer.echo(json.dumps(lines, indent=1))
        return
    for name, line in lines.items():
        typer.echo(f"{name:<10}  {line}")
    typer.echo("\nwhat next: dingli drill NAME ENV   shows the plan, then asks")


def _summary(report: Judged) -> None:
    from drills.controls.drill import held

    typer.echo(f"verdict      {report.verdict.upper()}")
    for reason in report.reasons:
        typer.echo(f"             {reason}")
    for line in report.lines():
        typer.echo(line)
    if held.run is not None:
        typer.echo(f"report       {held.run.folder}/report.html")
