"""How far a site on demand is that was called: its machines, its core, its gateway."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dingli.cell import observe
from dingli.exceptions import DingliError
from dingli.gate import orders_through
from drills.actions.calling import made_of, require_going_on
from drills.exceptions import StepFailed
from drills.probes.cell import behind, silent
from drills.settings import Settings

__all__ = ["core_caught_up", "gateway_trades", "machines_exist"]

_MOST_S = 900.0
_PAUSE_S = 0.5


def machines_exist(configuration: dict[str, Any], timeout_s: float = _MOST_S) -> dict[str, Any]:
    """Waits until the site's stack has an instance, which runs, for every host."""
    settings = Settings.of(configuration)

    def why_not() -> str | None:
        missing = [host for host in settings.on_call if host not in made_of(settings)]
        return f"no instance yet: {', '.join(missing)}" if missing else None

    _wait(settings, why_not, timeout_s)
    return {"hosts": settings.on_call, "at_ns": time.time_ns()}


def core_caught_up(configuration: dict[str, Any], timeout_s: float = _MOST_S) -> dict[str, Any]:
    """Waits until the cell's cores there are at the head of the journal."""
    settings = Settings.of(configuration)
    ours = [core.core_id for core in settings.cell.cores if core.host in settings.on_call]

    def why_not() -> str | None:
        view = observe(settings.environment, settings.cell.name, members=False)
        if missing := [core for core in ours if silent(core, view, settings)]:
            return f"cores that say nothing: {', '.join(missing)}"
        return behind(view, settings)

    _wait(settings, why_not, timeout_s)
    return {"cores": ours, "at_ns": time.time_ns()}


def gateway_trades(configuration: dict[str, Any], timeout_s: float = _MOST_S) -> dict[str, Any]:
    """Waits until every gateway of the cell there has had an order executed."""
    settings = Settings.of(configuration)
    ours = [host for host in settings.cell.running_gateways if host in settings.on_call]

    def why_not() -> str | None:
        took_ms = orders_through(settings.environment, settings.load_host, settings.cell.name) if ours else {}
        missing = [host for host in ours if took_ms.get(host) is None]
        return f"no order through {', '.join(missing)}" if missing else None

    _wait(settings, why_not, timeout_s)
    return {"gateways": ours, "at_ns": time.time_ns()}


def _wait(settings: Settings, why_not: Callable[[], str | None], most_s: float) -> None:
    """Raises StepFailed with the last reason, or as soon as the stacks have failed."""
    deadline = time.monotonic() + most_s
    while (reason := _reason(why_not)) is not None:
        require_going_on(settings)
        if time.monotonic() > deadline:
            raise StepFailed(f"after {most_s:.0f} s: {reason}", "that it comes about", "see raw/calling.log")
        time.sleep(_PAUSE_S)


def _reason(why_not: Callable[[], str | None]) -> str | None:
    """What cannot be asked yet has not come about."""
    try:
        return why_not()
    except DingliError as error:
        return error.found
