"""Looking at the lab without changing anything."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab import containers, controller, layout, namespace, owner, power
from lab.layout import LabHost, LabLine
from lab.places import CUTS, LAYOUT, POWER


@dataclass(frozen=True)
class HostState:
    """One host as it is now: running, off (by the power switch), dead (not by it), or damaged (`up` repairs it)."""

    name: str
    site: str
    address: str
    image: str
    emulated: bool
    state: str
    uptime_s: float | None
    power_returns_in_s: float | None


@dataclass(frozen=True)
class LabState:
    """The whole lab as it is now; without hosts when it is down."""

    owner: str | None
    supernet: str | None
    controller: bool
    hosts: tuple[HostState, ...]
    instances: tuple[str, ...] = ()
    """Hosts that stacks make on the lab's cloud, which knows their states."""


@dataclass(frozen=True)
class LineState:
    """One line between sites as its carrier knows it: whole, or cut for a time."""

    name: str
    ends: tuple[str, str]
    state: str
    mends_in_s: float | None


def look_at_lines() -> tuple[LineState, ...]:
    """Every line of the lab; none when it is down."""
    machines = layout.read(LAYOUT)
    cut = power.load(CUTS)
    return tuple(_line(line, cut.get(line.name)) for line in machines.lines) if machines else ()


def look() -> LabState:
    machines = layout.read(LAYOUT)
    if machines is None:
        return LabState(None, None, False, ())
    found = containers.all_containers() if namespace.exists() else {}
    offs = power.load(POWER)
    holder = owner.current()
    return LabState(
        owner=holder.clone if holder else None,
        supernet=machines.supernet,
        controller=controller.is_alive(),
        hosts=tuple(_host(host, found.get(host.name), offs.get(host.name)) for host in machines.hosts),
        instances=machines.instances,
    )


def _state(machine: containers.Container | None, off: power.PowerOff | None) -> str:
    if machine is not None and machine.orphaned:
        return "damaged"
    if machine is not None and machine.running:
        return "running"
    return "off" if off else "dead"


def _line(line: LabLine, cut: power.PowerOff | None) -> LineState:
    left = max(0.0, cut.left_s(power.now_s(), power.boot_id())) if cut else None
    return LineState(
        line.name, (line.one, line.other), "cut" if cut else "whole", None if left is None else round(left, 1)
    )


def _host(host: LabHost, machine: containers.Container | None, off: power.PowerOff | None) -> HostState:
    running = machine is not None and machine.running
    left = max(0.0, off.left_s(power.now_s(), power.boot_id())) if off and not running else None
    return HostState(
        name=host.name,
        site=host.site,
        address=host.address,
        image=f"{host.os}-{host.arch}:{host.image[:8]}",
        emulated=host.emulated,
        state=_state(machine, off),
        uptime_s=round(time.time() - machine.started_at, 1) if machine and running else None,
        power_returns_in_s=round(left, 1) if left is not None else None,
    )
