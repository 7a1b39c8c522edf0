"""Power drivers: who cuts the power of a host, and gives it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dingli.environment.values import Entry, PowerCommand, PowerOffCommand, Text

__all__ = ["CommandPower", "Ec2Power", "Power", "RedfishPower"]


class CommandPower(Entry):
    """A power controller behind commands; they get {host} and {seconds}."""

    name: str
    driver: Literal["command"]
    off: PowerOffCommand
    on: PowerCommand
    status: PowerCommand | None = None
    """Only asks: what `dingli check` runs."""


class RedfishPower(Entry):
    """A management controller that speaks Redfish; `url` gets {host}."""

    name: str
    driver: Literal["redfish"]
    url: PowerCommand
    user: Text
    password_file: Path


class Ec2Power(Entry):
    """Machines of the site's cloud, found by their Name tag."""

    name: str
    driver: Literal["ec2"]


Power = Annotated[CommandPower | RedfishPower | Ec2Power, Field(discriminator="driver")]
