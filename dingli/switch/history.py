"""What earlier runs have measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dingli.evidence import Store

__all__ = ["Measured", "last_measured"]


@dataclass(frozen=True)
class Measured:
    """The gap of an earlier switch of the cell; `exact`: to the very core."""

    gap_s: float
    run: str
    to: str
    exact: bool


def last_measured(store: Store, cell: str, core: str) -> Measured | None:
    """The newest switch to the core, or else the newest of the cell to any core (drills' fail-back counts)."""
    other: Measured | None = None
    for folder in reversed(store.folders()):
        found = _of(folder.kind, _report(folder.path / "report.json"), cell, folder.path.name)
        if found is None:
            continue
        if found.to == core:
            return Measured(found.gap_s, found.run, found.to, exact=True)
        other = other or found
    return other


def _report(path: Any) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _of(kind: str, report: dict[str, Any], cell: str, run: str) -> Measured | None:
    if report.get("cell") != cell:
        return None
    if kind == "switch" and report.get("gap"):
        return Measured(float(report["gap"]["seconds"]), run, str(report["target"]), exact=False)
    if kind == "drill" and report.get("failback_gap_s"):
        return Measured(float(report["failback_gap_s"]), run, "", exact=False)
    return None
