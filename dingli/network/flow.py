"""A flow: who may open connections to whom, on which port, and why. Answers belong to the connection and need none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from dingli.environment import Host, Protocol
from dingli.environment.lines import LineEnd

__all__ = ["Flow", "Party"]

_EVERYWHERE = IPv4Network("0.0.0.0/0")


@dataclass(frozen=True)
class Party:
    """One end of a flow: a host, a network, or whoever has a name that only a resolver knows."""

    name: str
    network: IPv4Network
    is_host: bool = False

    @classmethod
    def host(cls, host: Host) -> Party:
        """A declared host."""
        return cls(host.name, IPv4Network(host.address), is_host=True)

    @classmethod
    def line_end(cls, end: LineEnd) -> Party:
        """A gateway's address on a line to another site."""
        return cls(f"{end.host} line", IPv4Network(end.address))

    @classmethod
    def outside(cls, name: str) -> Party:
        """A name without an address: a way out to anywhere, and none in."""
        return cls(name, _EVERYWHERE)

    @property
    def is_outside(self) -> bool:
        """True if only its name is known."""
        return self.network == _EVERYWHERE

    def includes(self, address: IPv4Address) -> bool:
        """True if `address` is this end, or in it."""
        return not self.is_outside and address in self.network

    def __str__(self) -> str:
        return self.name if self.is_host or self.is_outside else f"{self.name} {self.network}"


@dataclass(frozen=True)
class Flow:
    """Every source may connect to every destination."""

    service: str
    sources: tuple[Party, ...]
    destinations: tuple[Party, ...]
    port: int
    why: str
    protocol: Protocol = Protocol.TCP

    def pairs(self) -> Iterator[tuple[Party, Party]]:
        """Every source with every destination but itself."""
        for source in self.sources:
            for destination in self.destinations:
                if source.network != destination.network:
                    yield source, destination

    def leads(self, source: IPv4Address, destination: IPv4Address) -> bool:
        """True if `source` may connect to `destination`."""
        return (
            source != destination
            and any(party.includes(source) for party in self.sources)
            and any(party.includes(destination) for party in self.destinations)
        )

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "service": self.service,
            "protocol": self.protocol.value,
            "port": self.port,
            "sources": [_plain(party) for party in self.sources],
            "destinations": [_plain(party) for party in self.destinations],
            "why": self.why,
        }


def _plain(party: Party) -> dict[str, str]:
    return {"name": party.name, "network": str(party.network)}
