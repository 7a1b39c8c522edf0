"""The cell: steady, taken over, whole again."""

from __future__ import annotations

import time
from typing import Any

from dingli.cell import View, observe, wait_until
from drills.settings import Settings

__all__ = ["behind", "led_by", "rejoined", "silent", "steady", "taken_over"]

MAX_LAG_MS = 100
MAX_STATUS_AGE_MS = 5_000
EMULATED_STATUS_AGE_MS = 15_000
MAX_ENTRIES_BEHIND = 1_000  # what a busy cell commits between two statuses
EMULATED_LAG_MS = 3_000


def _not_steady(view: View, settings: Settings) -> str | None:
    """Why the cell is not in steady state, or None."""
    cores = [core.core_id for core in settings.cell.cores]
    if view.halted:
        return "the cell is halted"
    if view.quarantined:
        return f"quarantined: {', '.join(view.quarantined)}"
    if view.members_down:
        return f"journal members down: {', '.join(view.members_down)}"
    if view.leader != settings.home:
        hand_over = f"`sudo dingli-core-ctl {settings.cell.name} switch --to {settings.home}` hands over"
        return f"{view.leader or 'nobody'} leads, {settings.home} should ({hand_over})"
    if not view.leads(settings.home):
        return f"{settings.home} holds the leader key and does not say that it leads"
    if missing := [core for core in cores if silent(core, view, settings)]:
        return f"cores that say nothing: {', '.join(missing)}"
    return _misplaced(view, settings) or behind(view, settings)


def _misplaced(view: View, settings: Settings) -> str | None:
    environment = settings.environment
    if view.journal_leader not in environment.hosts:
        return "the journal has no leader"
    if settings.cell.name != environment.first_cell:
        return None  # another cell says where it belongs
    home_site, site = environment.site_of(settings.cell.home.host), environment.site_of(view.journal_leader)
    if site.name == home_site.name or site.city != home_site.city:
        return f"the journal's leader is {view.journal_leader}, expected on the other site of {home_site.city}"
    return None


def silent(core: str, view: View, settings: Settings) -> bool:
    """Whether this core has not described itself lately; an emulated one takes long over a page of the log."""
    emulated = settings.environment.hosts[core.split("/")[0]].emulated
    return core not in view.cores or view.cores[core].age_ms > (
        EMULATED_STATUS_AGE_MS if emulated else MAX_STATUS_AGE_MS
    )


def behind(view: View, settings: Settings) -> str | None:
    """Why a core that is there has not caught up with the journal, or None."""
    newest = max((core.head for core in view.cores.values()), default=0)
    there = {core.core_id for core in settings.cell.cores}  # one whose host is gone may have left its last word
    for core in (core for core in view.cores.values() if core.core in there):
        if silent(core.core, view, settings):
            continue  # it is silent, which is a matter of its own: a drill may have held it back
        if core.role == "starting" or newest - core.head > MAX_ENTRIES_BEHIND:
            # A core that has not read the log yet knows of nothing that it lags behind.
            return f"{core.core} stands at entry {core.head} of {newest}"
        host = settings.environment.hosts[core.core.split("/")[0]]
        limit = EMULATED_LAG_MS if host.emulated else MAX_LAG_MS
        if core.lag_ms > limit:
            return f"{core.core} lags {core.lag_ms} ms, at most {limit} expected"
    by_head: dict[int, set[str]] = {}
    for core in view.cores.values():
        by_head.setdefault(core.head, set()).add(core.hash)
    return next((f"hashes differ at {head}" for head, hashes in by_head.items() if len(hashes) > 1), None)


def steady(configuration: dict[str, Any], timeout_s: float = 180.0) -> bool:
    """True when all members, cores and hashes are as they should be, and the other cells are led; else CellError."""
    settings = Settings.of(configuration)
    environment = settings.environment
    wait_until(environment, settings.cell.name, lambda view: _not_steady(view, settings), timeout_s=timeout_s)
    for other in settings.other_cells:
        wait_until(environment, other, _not_led, timeout_s=timeout_s)
    return True


def _not_led(view: View) -> str | None:
    return None if view.leader and view.leads(view.leader) else f"{view.leader or 'nobody'} leads, and does not say so"


def led_by(configuration: dict[str, Any]) -> dict[str, Any]:
    """Who leads, and under what epoch, just before the fault."""
    settings = Settings.of(configuration)
    view = observe(settings.environment, settings.cell.name, members=False)
    return {"core": view.leader, "epoch": view.epoch, "at_ns": view.at_ns}


def taken_over(configuration: dict[str, Any], timeout_s: float = 90.0) -> dict[str, Any]:
    """Waits until a core leads under a newer epoch than before the fault (under any, where the fault spares the
    leader); says which.
    """
    settings = Settings.of(configuration)

    def why_not(view: View) -> str | None:
        if not view.leader:
            return "nobody leads"
        if settings.strikes_leader and view.epoch <= settings.epoch:
            return f"{view.leader} still leads, under epoch {view.epoch}"
        if settings.takeover_by and view.leader != settings.takeover_by:
            return f"{view.leader} leads, expected {settings.takeover_by}"
        return None if view.leads(view.leader) else f"{view.leader} has not said that it leads"

    view = wait_until(settings.environment, settings.cell.name, why_not, timeout_s=timeout_s)
    return {"core": view.leader, "epoch": view.epoch, "at_ns": view.at_ns}


def rejoined(configuration: dict[str, Any], timeout_s: float = 120.0) -> dict[str, Any]:
    """Waits until all journal members are well and the cores on struck hosts are at the head."""
    settings = Settings.of(configuration)
    ours = [core.core_id for core in settings.cell.cores if core.host in settings.hosts]

    def why_not(view: View) -> str | None:
        if view.members_down:
            return f"journal members down: {', '.join(view.members_down)}"
        if mute := [core for core in ours if silent(core, view, settings)]:
            return f"cores that say nothing: {', '.join(mute)}"
        return behind(view, settings)

    started_ns = time.time_ns()
    wait_until(settings.environment, settings.cell.name, why_not, timeout_s=timeout_s)
    return {"cores": ours, "started_ns": started_ns, "at_ns": time.time_ns()}
