"""The active core's own process is killed, or stopped and let go on; its supervisor is left alone."""

from __future__ import annotations

import shlex
import time
from typing import Any

from dingli.cell import remote
from dingli.ssh import Connection, connect, target
from drills.actions import timers
from drills.exceptions import StepFailed
from drills.settings import Settings

__all__ = ["kill_core", "let_core_go_on", "stop_core"]


def kill_core(configuration: dict[str, Any]) -> dict[str, Any]:
    """SIGKILL. Its supervisor starts it anew by itself: nothing has to be put back."""
    return _strike(Settings.confirmed(configuration), "KILL")


def stop_core(configuration: dict[str, Any]) -> dict[str, Any]:
    """SIGSTOP. A timer on its own host lets it go on after the longest time, whatever happens here."""
    settings = Settings.confirmed(configuration)
    timers.arm(settings, settings.cell.home.host, settings.off_s, *_go_on(settings))
    return _strike(settings, "STOP")


def let_core_go_on(configuration: dict[str, Any]) -> dict[str, Any]:
    """SIGCONT; what was not stopped does not notice, so that this serves as rollback too."""
    settings = Settings.of(configuration)
    host = settings.cell.home.host
    remote.run(settings.environment, host, shlex.join(_go_on(settings)))
    at_ns = time.time_ns()
    timers.disarm(settings, host)
    return {"at_ns": at_ns, "core": settings.home}


def _go_on(settings: Settings) -> list[str]:
    return ["systemctl", "kill", "--signal=SIGCONT", _unit(settings)]


def _unit(settings: Settings) -> str:
    return f"dingli-core@{settings.cell.name}.service"


def _strike(settings: Settings, signal: str) -> dict[str, Any]:
    """`t0_ns` is just before the signal is asked for, over a connection that stands already."""
    with connect(target(settings.environment, settings.cell.home.host)) as connection:
        pid = _process(connection, settings)
        t0_ns = time.time_ns()
        connection.run(f"sudo -n kill -{signal} {pid}")
    return {"t0_ns": t0_ns, "done_ns": time.time_ns(), "core": settings.home, "pid": pid}


def _process(connection: Connection, settings: Settings) -> int:
    """The core itself: the one child of the supervisor, which is the unit's main process."""
    show = shlex.join(["systemctl", "show", "--value", "-p", "MainPID", _unit(settings)])
    children = connection.run(f"pgrep -P $({show})", check=False).stdout.split()
    if len(children) != 1:
        host = settings.cell.home.host
        raise StepFailed(
            f"{host}: {len(children)} processes below the supervisor of {_unit(settings)}",
            "one: the core",
            f"systemctl status {_unit(settings)} on {host}",
        )
    return int(children[0])
