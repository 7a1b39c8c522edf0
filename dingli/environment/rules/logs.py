"""Central logs: apart from what writes them, and kept long enough."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.model import EnvironmentKind
from dingli.environment.problems import Problem, near_miss
from dingli.environment.shape import Draft

__all__ = ["are_kept_long_enough", "stand_apart"]

FEWEST_DAYS = 180
"""Six months: 网络安全法 21 (3)."""


def stand_apart(draft: Draft) -> Iterator[Problem]:
    """The host of the logs, where one is named, is declared and runs nothing that trades: who administers a core or a
    gateway must not be able to delete what it logged. A witness of the journal at ops may hold them."""
    host, place = draft.environment.logs.host, ("logs", "host")
    if host is None:
        return
    if not draft.declares("hosts", host):
        known = draft.names("hosts")
        yield draft.problem(place, f"the unknown host {host!r}", f"a declared host{near_miss(host, known)}")
        return
    runs: list[str] = []
    for cell in draft.environment.cells.values():
        runs += [f"a core of {cell.name}"] if host in {core.host for core in cell.cores} else []
        runs += [f"a gateway of {cell.name}"] if host in cell.gateways else []
    if runs:
        yield draft.problem(place, f"{host!r}, which runs {runs[0]}", "a host without core or gateway")


def are_kept_long_enough(draft: Draft) -> Iterator[Problem]:
    """In production the law's six months at least."""
    environment = draft.environment
    if environment.kind is EnvironmentKind.PRODUCTION and environment.logs.keep_days < FEWEST_DAYS:
        found = f"{environment.logs.keep_days} days in production"
        yield draft.problem(("logs", "keep_days"), found, f"{FEWEST_DAYS} days or more")
