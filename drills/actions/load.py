"""Members that trade and a probe that watches, on the operations site, for the length of a drill."""

from __future__ import annotations

import shlex
import time
from typing import Any

from dingli.cell import remote
from dingli.ssh import SshError
from drills.exceptions import StepFailed
from drills.measure import PROBE, probe_of
from drills.settings import Settings

__all__ = ["end_load", "start_load", "stop_load"]

_RESOLVE_S = 120  # time that sessions may take to come to rest after the load


def _units(settings: Settings) -> dict[str, list[str]]:
    config = f"/etc/dingli/load-{settings.cell.name}.json"
    folder = settings.load_folder
    members = len(settings.cell.members)
    locust = [
        "/usr/local/bin/dingli-load", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary",
        "--load-config", config, "--record", folder, "--rate", str(settings.rate),
        "-u", str(members), "-r", str(members),
        "-t", f"{settings.load_s}s", "--stop-timeout", str(_RESOLVE_S), "--csv", f"{folder}/locust", "--seed", "1",
    ]  # fmt: skip
    probe = [
        "/usr/local/bin/dingli-load", "probe", "--config", config, "--seconds", str(settings.load_s), "--rate", "100",
        "--out", f"{folder}/{PROBE}", "--record", folder,
    ]  # fmt: skip
    units = {f"dingli-load-{settings.run_id}": locust, f"dingli-probe-{settings.run_id}": probe}
    watches = {f"dingli-probe-{other}-{settings.run_id}": _watch(settings, other) for other in settings.other_cells}
    return units | watches


def _watch(settings: Settings, other: str) -> list[str]:
    """A probe of a cell that is not drilled: whether it kept its service, and nothing for the checker."""
    return [
        "/usr/local/bin/dingli-load", "probe", "--config", f"/etc/dingli/load-{other}.json",
        "--seconds", str(settings.load_s), "--rate", "20", "--out", f"{settings.load_folder}/{probe_of(other)}",
    ]  # fmt: skip


def start_load(configuration: dict[str, Any]) -> dict[str, Any]:
    """Starts both as transient services with a longest life: nothing is left behind when the controller dies."""
    settings = Settings.of(configuration)
    environment, host = settings.environment, settings.load_host
    remote.run(
        environment, host, shlex.join(["install", "-d", "-o", "dingli-load", "-m", "0750", settings.load_folder])
    )
    longest = settings.load_s + _RESOLVE_S + 60
    for unit, words in _units(settings).items():
        options = [
            "systemd-run", f"--unit={unit}", "--uid=dingli-load", "--collect", f"--property=RuntimeMaxSec={longest}",
            f"--property=StandardOutput=append:{settings.load_folder}/{unit}.log",
            f"--property=StandardError=append:{settings.load_folder}/{unit}.log", "--property=RemainAfterExit=yes",
        ]  # fmt: skip
        remote.run(environment, host, shlex.join([*options, *words]))
    return {"host": host, "folder": settings.load_folder, "units": sorted(_units(settings)), "at_ns": time.time_ns()}


def end_load(configuration: dict[str, Any]) -> dict[str, Any]:
    """Waits until the load has ended by itself and all sessions came to rest."""
    settings = Settings.of(configuration)
    deadline = time.monotonic() + settings.load_s + _RESOLVE_S + 30
    waiting = set(_units(settings))
    while waiting:
        waiting -= {unit for unit in waiting if _substate(settings, unit) in ("exited", "dead", "failed")}
        if waiting and time.monotonic() > deadline:
            raise StepFailed(
                f"{', '.join(sorted(waiting))} still run {_RESOLVE_S + 30} s after the load's end",
                "that members and probe come to rest",
                f"see the logs in {settings.load_folder} on {settings.load_host}",
            )
        time.sleep(0.5)
    return {"at_ns": time.time_ns(), "host": settings.load_host, "folder": settings.load_folder}


def _substate(settings: Settings, unit: str) -> str:
    command = shlex.join(["systemctl", "show", "--value", "-p", "SubState", f"{unit}.service"])
    return remote.run(settings.environment, settings.load_host, command).stdout.strip()


def stop_load(configuration: dict[str, Any]) -> dict[str, Any]:
    """Rollback: ends the load wherever it is; nothing happens when it has ended."""
    settings = Settings.of(configuration)
    stopped = []
    for unit in _units(settings):
        try:
            remote.run(settings.environment, settings.load_host, shlex.join(["systemctl", "stop", f"{unit}.service"]))
            stopped.append(unit)
        except SshError as error:
            if "not loaded" not in error.found:
                raise
    return {"stopped": stopped}
