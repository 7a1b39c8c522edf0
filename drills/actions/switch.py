"""Planned switches: a cell's leadership goes to a named core."""

from __future__ import annotations

import time
from typing import Any

from dingli.cell import hand_over
from dingli.environment import Core, Takeover
from drills.exceptions import DrillInput
from drills.settings import Settings

__all__ = ["fail_back", "switch_away", "target_of"]


def switch_away(configuration: dict[str, Any]) -> dict[str, Any]:
    """Hands leadership to the chosen core, or else to one at another site of the city; waits until it leads."""
    settings = Settings.confirmed(configuration)
    cell, core = settings.cell.name, target_of(settings)
    t0_ns = time.time_ns()
    before, _ = hand_over(settings.environment, cell, core)
    return {"from": before, "to": core, "t0_ns": t0_ns, "done_ns": time.time_ns()}


def target_of(settings: Settings) -> str:
    """Where a switch goes: one that may lead by itself, on hardware if there is any; DrillInput without one."""
    if settings.takeover_by:
        return settings.takeover_by
    environment = settings.environment
    here = environment.site_of(settings.cell.home.host)

    def is_near(core: Core) -> bool:
        site = environment.site_of(core.host)
        return core.takeover is Takeover.AUTOMATIC and site.city == here.city and site.name != here.name

    near = sorted(filter(is_near, settings.cell.cores), key=lambda core: environment.hosts[core.host].emulated)
    if not near:
        raise DrillInput(
            f"no core of {settings.cell.name} at another site of {here.city}", "one", "name a core with --takeover-by"
        )
    return near[0].core_id


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
