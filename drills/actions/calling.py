"""A site on demand is called, and sent back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dingli.environment import Environment, Readiness
from dingli.environment.readiness import called_sites, standing
from dingli.stacks.backend import Backend
from dingli.stacks.calling import going, instances, require_led_elsewhere
from dingli.stacks.engine import Engine
from dingli.stacks.names import StackName
from drills.exceptions import DrillRefused, StepFailed
from drills.settings import Settings

__all__ = ["call_site", "called", "made_of", "require_callable", "require_going_on", "send_back"]

LOG = "calling.log"
_CALL_S, _BACK_S = 1_800, 900


class _Caller:
    """The process that works on the stacks; there is one at a time. No Ctrl-C reaches it but through `stop`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, settings: Settings, *called: str) -> None:
        settings.workspace.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "drills.caller", settings.environment.name, *called]
        clone = Path(__file__).resolve().parents[2]
        with (settings.workspace / LOG).open("ab") as log:
            self._process = subprocess.Popen(command, cwd=clone, stdout=log, stderr=log, start_new_session=True)

    def stop(self) -> None:
        """Lets it record what it has reached; nothing if it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_BACK_S)

    def failed(self) -> bool:
        return self._process is not None and self._process.poll() not in (None, 0)

    def wait(self, settings: Settings, most_s: float) -> None:
        """Raises StepFailed unless it ends well within that time."""
        if self._process is not None:
            try:
                self._process.wait(most_s)
            except subprocess.TimeoutExpired:
                raise StepFailed(f"the stacks are not done after {most_s:.0f} s", "all of them", LOG) from None
        require_going_on(settings)


_caller = _Caller()


def require_callable(settings: Settings) -> None:
    """Raises DrillRefused for a site of which there is nothing to call."""
    environment = settings.environment
    if environment.sites[settings.site].readiness is not Readiness.ON_DEMAND:
        raise DrillRefused(f"{settings.site} is not on demand", "a site with `readiness: on_demand`", "name it: --site")
    if settings.site in called_sites(environment.name) or set(made_of(settings)) & set(settings.on_call):
        remedy = f"`dingli up {environment.name}` first"
        raise DrillRefused(f"{settings.site} is called already", "machines that are still to be made", remedy)
    stacks = [StackName(environment.name, site) for site in environment.sites]
    then = standing(environment, [*called_sites(environment.name), settings.site])
    others = going(then, stacks, _state(environment))
    if others:
        expected = "nothing that the stacks would remove besides"
        raise DrillRefused(f"{', '.join(others)} would go, too", expected, f"`dingli up {environment.name}` first")
    cell = environment.declared.cells[settings.cell.name]
    if not {*cell.gateways, *(core.host for core in cell.cores)} & set(settings.on_call):
        expected = f"a core or a gateway of {cell.name} on one of {', '.join(settings.on_call)}"
        raise DrillRefused(f"nothing of {cell.name} waits for {settings.site}", expected, "name another cell: --cell")


def made_of(settings: Settings) -> list[str]:
    """The hosts whose instances the site's stack has now."""
    return instances(_state(settings.environment), _stack(settings))


def require_going_on(settings: Settings) -> None:
    """Raises StepFailed when the stacks have failed: what is waited for cannot come about."""
    if _caller.failed():
        last = (settings.workspace / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        raise StepFailed(f"the stacks: {' / '.join(last)}", "that they are done", f"see raw/{LOG}")


def call_site(configuration: dict[str, Any]) -> dict[str, Any]:
    """Has the machines made, and does not wait for them. `t0_ns`: just before."""
    settings = Settings.confirmed(configuration)
    t0_ns = time.time_ns()
    _caller.start(settings, *_others(settings), settings.site)
    return {"t0_ns": t0_ns, "hosts": settings.on_call}


def called(configuration: dict[str, Any]) -> dict[str, Any]:
    """Waits until all stacks are done."""
    _caller.wait(Settings.of(configuration), _CALL_S)
    return {"at_ns": time.time_ns()}


def send_back(configuration: dict[str, Any]) -> dict[str, Any]:
    """Has the machines taken away, and waits for that; as a rollback, too, when nothing may be left to be done."""
    settings = Settings.confirmed(configuration)
    environment, started_ns = settings.environment, time.time_ns()
    _caller.stop()
    wanted = standing(environment, _others(settings))
    there = going(wanted, [_stack(settings)], _state(environment))
    if there:
        require_led_elsewhere(environment, there)
    if there or settings.site in called_sites(environment.name):
        _caller.start(settings, *_others(settings))
        _caller.wait(settings, _BACK_S)
    return {"hosts": there, "started_ns": started_ns, "at_ns": time.time_ns()}


def _others(settings: Settings) -> list[str]:
    """Sites that somebody else has called stay so."""
    return [name for name in called_sites(settings.environment.name) if name != settings.site]


def _stack(settings: Settings) -> StackName:
    return StackName(settings.environment.name, settings.site)


def _state(environment: Environment) -> Backend:
    return Engine(environment, lambda site, message: None).backend
