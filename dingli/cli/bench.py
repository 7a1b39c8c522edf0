"""Measure the targets on a running environment of kind lab, unattended; writes bench.json."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command(
    epilog="Examples:\n\ndingli bench lab\n\ndingli bench lab --only e2e --only drills\n\nmake bench (sets up first)"
)
def bench(
    environment: str = typer.Argument("lab", metavar="[ENV]", help="The environment; its hosts lose power."),
    only: list[str] = typer.Option([], help="Measure only these: up, e2e, drills, arm, audit."),  # noqa: B008
    repetitions: int = typer.Option(5, min=1, max=50, help="Site losses to take the p95 of."),
) -> None:
    """Measures up, order entry, site loss and audit, and prints each figure beside its targets."""
    from dingli.bench.measure import measure

    measure(environment, set(only), repetitions)
