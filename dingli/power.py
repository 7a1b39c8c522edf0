"""Power controllers: off with an expiry that the controller keeps, and on."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from dingli.environment import Environment
from dingli.environment.model import CommandPower
from dingli.exceptions import DingliError

__all__ = ["PowerFailed", "PowerRefused", "driver_of", "power_off", "power_on", "power_status"]

_COMMAND_TIMEOUT_S = 60


class PowerRefused(DingliError):
    """A host has no power driver that this version can use."""


class PowerFailed(DingliError):
    """A power controller did not do what it was told."""


def driver_of(environment: Environment, host: str) -> CommandPower:
    """The host's power driver; raises PowerRefused without one."""
    name = environment.hosts[host].power
    driver = environment.power.get(name) if name is not None else None
    if isinstance(driver, CommandPower):
        return driver
    found = f"{host} has no power driver" if driver is None else f"{host} has a driver of kind {driver.driver}"
    raise PowerRefused(
        found,
        "a driver of kind `command`, whose power-off ends by itself after {seconds}",
        f"declare hosts.{host}.power in the environment file",
    )


def power_off(environment: Environment, host: str, seconds: int) -> None:
    """Cuts the power for at most `seconds`; it returns by itself even if nobody is left to ask for it."""
    _run(driver_of(environment, host).off.format(host=host, seconds=seconds), host)


def power_on(environment: Environment, host: str) -> None:
    """Gives the power back; nothing happens to a host that has it."""
    _run(driver_of(environment, host).on.format(host=host), host)


def power_status(environment: Environment, host: str) -> str:
    """What the driver's `status` command says, on one line; raises PowerRefused for a driver that has none."""
    driver = driver_of(environment, host)
    if driver.status is None:
        raise PowerRefused(
            f"{driver.name} has no command that only asks", "`status`", f"declare power.{driver.name}.status"
        )
    return " ".join(_run(driver.status.format(host=host), host).split())[:200]


def _run(command: str, host: str) -> str:
    """Its standard output; raises PowerFailed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            env={**os.environ, "PATH": path},
            start_new_session=True,  # a Ctrl-C in the terminal must not end it half-way
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PowerFailed(f"{host}: {command!r}: {error}", "that it ends with status 0", "run it by hand") from error
    if done.returncode != 0:
        detail = (done.stderr or done.stdout).strip()[-500:]
        raise PowerFailed(
            f"{host}: {command!r} ended with status {done.returncode}: {detail}", "status 0", "run it by hand"
        )
    return done.stdout
