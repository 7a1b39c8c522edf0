"""Which core may take over: a drill that wants to measure one core holds the others back meanwhile."""

from __future__ import annotations

import shlex
from typing import Any

from dingli.cell import remote
from dingli.ssh import SshError
from drills.actions import timers
from drills.exceptions import StepFailed
from drills.settings import Settings

__all__ = ["hold_back_others", "let_others_go"]

_REST_S = 300  # longer than everything that comes after the load


def _others(settings: Settings) -> list[str]:
    """Hosts of automatic cores that stand before the chosen core in the order of preference.

    Those behind it stay: they campaign later than it, and a core that is stopped has to read the whole log again.
    """
    if not settings.takeover_by:
        return []
    cores = settings.cell.cores
    chosen = [core.core_id for core in cores].index(settings.takeover_by)
    return [core.host for core in cores[:chosen] if core.takeover == "automatic" and core.host not in settings.hosts]


def hold_back_others(configuration: dict[str, Any]) -> dict[str, Any]:
    """Stops the services of other candidates; a timer on their own hosts starts them again whatever happens here."""
    settings = Settings.of(configuration)
    unit = f"dingli-core@{settings.cell.name}.service"
    for host in _others(settings):
        timers.arm(settings, host, settings.load_s + _REST_S, "systemctl", "start", unit)
        remote.run(settings.environment, host, shlex.join(["systemctl", "stop", unit]))
    return {"held_back": _others(settings)}


def let_others_go(configuration: dict[str, Any]) -> dict[str, Any]:
    """Starts them again; what runs keeps running, so that this serves as rollback too. Tries every host."""
    settings = Settings.of(configuration)
    problems = []
    for host in _others(settings):
        try:
            _let_go(settings, host)
        except SshError as error:
            problems.append(f"{host}: {error.found}")
    if problems:
        raise StepFailed("; ".join(problems), "that held-back cores run", "start their services by hand")
    return {"free": _others(settings)}


def _let_go(settings: Settings, host: str) -> None:
    unit = f"dingli-core@{settings.cell.name}.service"
    remote.run(settings.environment, host, shlex.join(["systemctl", "start", "--no-block", unit]))
    timers.disarm(settings, host)
