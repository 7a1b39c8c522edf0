"""Power controllers: off with an expiry that does not depend on who asked, and on."""

from __future__ import annotations

from typing import Protocol

from dingli.environment import Environment
from dingli.environment.power import CommandPower, Ec2Power
from dingli.power.command import CommandDriver
from dingli.power.exceptions import PowerFailed, PowerRefused

__all__ = ["Driver", "PowerFailed", "PowerRefused", "driver_of", "power_off", "power_on", "power_status"]


class Driver(Protocol):
    """The power controller of one host. All raise PowerFailed, and PowerRefused for what they cannot do."""

    def promise(self, seconds: int) -> None:
        """Makes sure that the power will return `seconds` from now even if nobody is left to ask for it."""

    def cut(self) -> str:
        """Cuts it now; `promise` has to come before. Says in what this was less than a loss of power, or nothing."""

    def on(self) -> None:
        """Gives the power back; nothing happens to a host that has it."""

    def status(self) -> str:
        """Only asks; one line."""


def driver_of(environment: Environment, host: str) -> Driver:
    """The host's power driver; raises PowerRefused without one."""
    name = environment.hosts[host].power
    declared = environment.power.get(name) if name is not None else None
    if isinstance(declared, CommandPower):
        return CommandDriver(declared, host)
    if isinstance(declared, Ec2Power):
        from dingli.power.ec2 import Ec2Driver  # boto3 takes long to load; most environments do not need it

        return Ec2Driver(environment, declared, host)
    found = f"{host} has no power driver" if declared is None else f"{host} has a driver of kind {declared.driver}"
    raise PowerRefused(
        found,
        "a driver of kind `ec2`, or of kind `command`, whose power-off ends by itself after {seconds}",
        f"declare hosts.{host}.power in the environment file",
    )


def power_off(environment: Environment, host: str, seconds: int) -> None:
    """Cuts the power for at most `seconds`; it returns by itself even if nobody is left to ask for it."""
    driver = driver_of(environment, host)
    driver.promise(seconds)
    driver.cut()


def power_on(environment: Environment, host: str) -> None:
    """Gives the power back; nothing happens to a host that has it."""
    driver_of(environment, host).on()


def power_status(environment: Environment, host: str) -> str:
    """What the controller says, on one line; raises PowerRefused where it cannot be asked."""
    return driver_of(environment, host).status()
