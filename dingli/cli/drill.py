"""Rehearse a fault or a switch: plan, steady-state gate, fault, measured RTO and RPO, fail-back, verdict."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer
import yaml

from dingli.environment import project_root
from dingli.exceptions import ExitCode, InputError

app = typer.Typer()

_EPILOG = (
    "Examples:\n\ndingli drill site_loss lab\n\n"
    "dingli drill site_loss lab --site standby --off 30\n\n"
    "dingli drill site_loss lab --yes --takeover-by standby-2/minimal --json"
)


def _drill_files() -> dict[str, Path]:
    return {path.stem: path for path in sorted((project_root() / "drills").glob("*.yaml"))}


@app.command(epilog=_EPILOG)
def drill(
    name: str = typer.Argument(metavar="DRILL", help="The drill: a file drills/DRILL.yaml."),
    environment: str = typer.Argument("lab", metavar="[ENV]", help="The environment, by name."),
    cell: str = typer.Option("alpha", help="The cell that members trade on meanwhile."),
    site: str = typer.Option("primary", help="The site that loses power."),
    takeover_by: str = typer.Option("", help="The core that has to take over; other candidates are held back."),
    rate: float = typer.Option(100.0, min=1, max=5000, help="Orders a second of all members together."),
    off_s: int = typer.Option(20, "--off", min=5, max=300, help="Longest time without power, seconds."),
    load_s: int = typer.Option(60, "--load", min=20, max=900, help="How long members trade, seconds."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask (environments of kind lab only)."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON at the end."),
) -> None:
    """Runs one drill. Exit status: 0 passed, 1 failed or refused, 3 unknown."""
    files = _drill_files()
    if name not in files:
        raise InputError(f"no drill {name!r}", f"one of {', '.join(files)}", "see drills/")
    os.environ["CHAOSTOOLKIT_DISABLE_TELEMETRY"] = "1"
    from chaoslib.experiment import run_experiment

    from drills.controls.drill import held

    experiment = yaml.safe_load(files[name].read_text(encoding="utf-8"))
    experiment["configuration"] = {
        "environment": environment, "cell": cell, "site": site, "takeover_by": takeover_by, "rate": str(rate),
        "off_s": str(off_s), "load_s": str(load_s), "assume_yes": "yes" if yes else "",
    }  # fmt: skip
    run_experiment(experiment, {"runtime": {"rollbacks": {"strategy": "always"}}})
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


def _summary(report: object) -> None:
    from drills.judge import DrillReport

    assert isinstance(report, DrillReport)
    typer.echo(f"verdict      {report.verdict.upper()}")
    for reason in report.reasons:
        typer.echo(f"             {reason}")
    for label, value in (("service RTO", report.service_rto_s), ("member RTO", report.worst_member_rto_s)):
        typer.echo(f"{label:12} " + ("not measured" if value is None else f"{value:.2f} s"))
    rpo = "not measured" if report.rpo_commands is None else f"{report.rpo_commands} commands"
    typer.echo(f"RPO          {rpo} {' '.join(report.rpo_ids)}")
    from drills.controls.drill import held

    if held.run is not None:
        typer.echo(f"report       {held.run.folder}/report.html")
