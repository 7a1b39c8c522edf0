"""Planned switches: a cell's leadership goes to a named core."""

from __future__ import annotations

import time
from typing import Any

from dingli.cell import observe, remote, wait_until
from drills.settings import Settings

__all__ = ["fail_back"]


def fail_back(configuration: dict[str, Any]) -> dict[str, Any]:
    """Hands leadership back to the core that leads in steady state, and waits until it leads."""
    settings = Settings.of(configuration)
    cell, home = settings.cell.name, settings.home
    started_ns = time.time_ns()
    before = observe(settings.environment, cell)
    if before.leader != home:
        remote.on_any_main_core(settings.environment, cell, "switch", "--to", home)
    after = wait_until(
        settings.environment,
        cell,
        lambda view: None if view.leads(home) else f"{view.leader or 'nobody'} leads, not {home}",
        timeout_s=30.0,
    )
    return {
        "from": before.leader,
        "to": home,
        "epoch": after.epoch,
        "started_ns": started_ns,
        "done_ns": time.time_ns(),
    }
