"""Planned switches: a cell's leadership goes to a named core."""

from __future__ import annotations

import time
from typing import Any

from dingli.cell import hand_over
from drills.settings import Settings

__all__ = ["fail_back"]


def fail_back(configuration: dict[str, Any]) -> dict[str, Any]:
    """Hands leadership back to the core that leads in steady state, and waits until it leads."""
    settings = Settings.of(configuration)
    cell, home = settings.cell.name, settings.home
    started_ns = time.time_ns()
    before, after = hand_over(settings.environment, cell, home)
    return {
        "from": before,
        "to": home,
        "epoch": after.epoch,
        "started_ns": started_ns,
        "done_ns": time.time_ns(),
    }
