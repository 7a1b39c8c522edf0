"""What a scan tries: everybody to everybody, every port of any flow, and some that nobody may have open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from dingli.environment import Environment, Host, Protocol
from dingli.network.derivation import NTP_PORT, flows

__all__ = ["CONTROLLER", "NEVER_OPEN", "Attempt", "matrix"]

CONTROLLER = "controller"
"""The name of this machine in a scan; no host has a packet filter of ours in the way of what it sends."""
NEVER_OPEN = (23, 80, 111, 445, 3306, 6379, 8080)
"""TCP ports that no flow has by default: what worms and scanners look for."""


@dataclass(frozen=True)
class Attempt:
    """One connection to try. Without `services`, no flow declares it."""

    source: str
    destination: str
    protocol: Protocol
    port: int
    services: tuple[str, ...]
    filtered: bool = True
    """Whether at least one end has a packet filter."""

    @property
    def target(self) -> tuple[str, Protocol, int]:
        """What is tried, whoever tries it."""
        return self.destination, self.protocol, self.port


def matrix(environment: Environment, controller: IPv4Address | None = None) -> tuple[Attempt, ...]:
    """All attempts; `controller` is this machine's address as the hosts see it, and tries those it reaches directly."""
    declared = [flow for flow in flows(environment) if _can_be_tried(flow.protocol, flow.port)]
    ports = sorted({(Protocol.TCP, port) for port in NEVER_OPEN} | {(flow.protocol, flow.port) for flow in declared})
    at_port = {key: [flow for flow in declared if (flow.protocol, flow.port) == key] for key in ports}
    found = []
    for source, host, filtered in _pairs(environment, controller):
        address = controller if source == CONTROLLER else environment.hosts[source].address
        assert address is not None
        for key in ports:
            services = dict.fromkeys(flow.service for flow in at_port[key] if flow.leads(address, host.address))
            found.append(Attempt(source, host.name, *key, tuple(services), filtered))
    return tuple(found)


def _pairs(environment: Environment, controller: IPv4Address | None) -> Iterator[tuple[str, Host, bool]]:
    """Who tries whom, and whether there is a packet filter at one end."""
    for host in environment.hosts.values():
        for source in environment.hosts.values():
            if source.name != host.name:
                yield source.name, host, not (source.emulated and host.emulated)
        if controller is not None and environment.site_of(host.name).bastion is None:
            yield CONTROLLER, host, not host.emulated


def _can_be_tried(protocol: Protocol, port: int) -> bool:
    """Nothing in UDP answers a stranger, but a time source that is asked for the time."""
    return protocol is Protocol.TCP or port == NTP_PORT
