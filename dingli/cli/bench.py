"""Measure the targets on a running environment of kind lab, unattended; writes bench.json."""

from __future__ import annotations

import typer

app = typer.Typer()

_STEPS = "up, e2e, drills (site losses), core_kill, core_hang, switch, arm, scale, refresh, audit"


@app.command(
    epilog="Examples:\n\ndingli bench lab\n\ndingli bench lab --only e2e --only drills\n\n"
    "dingli bench --only scale --only refresh (needs no hosts)\n\n"
    "dingli bench lab --only core_kill --only switch --repetitions 3 --cell beta\n\nmake bench (sets up first)"
)
def bench(
    environment: str = typer.Argument("lab", metavar="[ENV]", help="The environment; its hosts lose power."),
    only: list[str] = typer.Option([], help=f"Measure only these: {_STEPS}."),  # noqa: B008
    repetitions: int = typer.Option(5, min=1, max=50, help="Runs of each drill to take the worst (p95) of."),
    cell: str = typer.Option("", help="The cell that is measured; the first one unless told otherwise."),
) -> None:
    """Measures up, order entry, drills and audit, and prints each figure beside its targets."""
    from dingli.bench.measure import measure

    if not measure(environment, set(only), repetitions, cell):
        raise typer.Exit(3)
