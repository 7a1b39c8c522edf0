"""Encrypted lines between sites: which hosts are IPsec gateways, what each line joins and protects."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from dingli.environment.model import Environment

__all__ = [
    "IKE_PORT",
    "IPSEC_ACCOUNT",
    "NAT_PORT",
    "LineEnd",
    "SiteLine",
    "ipsec_gateways",
    "ipsec_variables",
    "line_addresses",
    "lines_of",
    "overlay_routes",
    "protected",
    "site_lines",
]

IKE_PORT, NAT_PORT = 500, 4500
IPSEC_ACCOUNT = "root"
"""charon-systemd makes tunnels and routes: it reads its key as root."""


@dataclass(frozen=True)
class LineEnd:
    """A gateway's end of a line: the site behind it, and its address on the line."""

    site: str
    host: str
    address: IPv4Address
    network: IPv4Network
    """What the line protects at this end: the site's network."""


@dataclass(frozen=True)
class SiteLine:
    """One of the two lines of a pair of sites."""

    ends: tuple[LineEnd, LineEnd]
    rank: int
    """1 is preferred where the kernel encrypts; in user space the line established last carries."""
    number: int
    """Unique in the environment, and the same at both ends."""

    @property
    def pair(self) -> str:
        """The two sites, in the order of the file."""
        return f"{self.ends[0].site}--{self.ends[1].site}"

    @property
    def name(self) -> str:
        """Unique, since no name of a site has two dashes in a row: `primary--dr--1`."""
        return f"{self.pair}--{self.rank}"

    def seen_from(self, host: str) -> tuple[LineEnd, LineEnd]:
        """The host's own end, then the other one."""
        first, second = self.ends
        return (first, second) if first.host == host else (second, first)


def site_lines(environment: Environment) -> tuple[SiteLine, ...]:
    """Every line, two for each declared pair of sites."""
    found = []
    for place, declared in enumerate(environment.lines):
        for rank, addresses in ((1, declared.first), (2, declared.second)):
            one, other = (
                LineEnd(environment.hosts[host].site, host, address, environment.site_of(host).network)
                for host, address in zip(declared.gateways, addresses, strict=True)
            )
            found.append(SiteLine((one, other), rank, 2 * place + rank))
    return tuple(found)


def ipsec_gateways(environment: Environment) -> tuple[str, ...]:
    """The hosts at which lines end, in the order of the file's hosts."""
    named = {host for declared in environment.lines for host in declared.gateways}
    return tuple(host for host in environment.hosts if host in named)


def lines_of(environment: Environment, host: str) -> tuple[SiteLine, ...]:
    """The lines that end at a host."""
    return tuple(line for line in site_lines(environment) if host in {end.host for end in line.ends})


def line_addresses(environment: Environment, host: str) -> tuple[IPv4Address, ...]:
    """A host's addresses on its lines, each once."""
    return tuple(dict.fromkeys(line.seen_from(host)[0].address for line in lines_of(environment, host)))


def protected(environment: Environment, host: str) -> tuple[tuple[IPv4Network, IPv4Network], ...]:
    """The networks between which a gateway forwards, its own site's first; each pair once."""
    ends = (line.seen_from(host) for line in lines_of(environment, host))
    return tuple(dict.fromkeys((own.network, other.network) for own, other in ends))


def overlay_routes(environment: Environment, host: str) -> tuple[tuple[str, IPv4Network], ...]:
    """What the network of a gateway that is an instance sends to it, each with a name that is unique in its site: its
    addresses on lines, and the other sites' networks."""
    addresses = [(f"line-{address}", IPv4Network(address)) for address in line_addresses(environment, host)]
    ends = (line.seen_from(host)[1] for line in lines_of(environment, host))
    return (*addresses, *dict.fromkeys((f"to-{end.site}", end.network) for end in ends))


def ipsec_variables(environment: Environment, host: str) -> dict[str, Any]:
    """What the role `ipsec` is told of a gateway: `dingli_ipsec`. Of the two ends, the first in the file calls.
    `addresses`: what an instance carries itself; on a rack the data centre has configured them."""
    lines = []
    for line in lines_of(environment, host):
        own, other = line.seen_from(host)
        lines.append(
            {
                "name": line.name,
                "rank": line.rank,
                "number": line.number,
                "calls": line.ends[0].host == host,
                "own": _plain(own),
                "other": _plain(other),
            }
        )
    networks = dict.fromkeys(str(other) for _, other in protected(environment, host))
    made = environment.site_of(host).made
    carried = {"addresses": [str(address) for address in line_addresses(environment, host)]} if made else {}
    return {"lines": lines, "protected": list(networks), **carried} if lines else {}


def _plain(end: LineEnd) -> dict[str, str]:
    return {"site": end.site, "host": end.host, "ip": str(end.address), "network": str(end.network)}
