"""Security groups as packet filters of the lab's router, outside of the guests: rules in, text for nft out.

A guest's switch port passes nothing to another port: everything goes through the router, which answers for the
neighbours (`wires`), so that one stateful filter sees all of it. In its two tables `return` means allowed: a packet
between two guests has to pass the first one's rules out and the second one's rules in. What no rule allows is dropped
without a word. The text replaces the tables at once; sessions that exist are the kernel's, and go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

__all__ = ["NO_GUESTS", "GuestFilter", "Permission", "ruleset"]

_EVERYONE = IPv4Network("0.0.0.0/0")
_PORTS = ("tcp", "udp")

NO_GUESTS = "table bridge cloud\ndelete table bridge cloud\ntable inet cloud\ndelete table inet cloud\n"


@dataclass(frozen=True)
class Permission:
    """One rule of a group. `first` and `last` are ports, of icmp type and code, None or -1 where all are meant;
    `peers` are networks, the members of a group it names among them, each with /32."""

    protocol: str
    first: int | None
    last: int | None
    peers: tuple[str, ...]


@dataclass(frozen=True)
class GuestFilter:
    """A guest's address, the switch port of its cable, and what its groups allow together."""

    address: str
    port: str
    ingress: tuple[Permission, ...]
    egress: tuple[Permission, ...]


def ruleset(guests: Sequence[GuestFilter]) -> str:
    """Everything for `nft -f`."""
    if not guests:
        return NO_GUESTS
    return "\n".join(
        [NO_GUESTS + "table bridge cloud {", *_ports(guests), "}", "table inet cloud {", *_flows(guests), "}\n"]
    )


def _ports(guests: Sequence[GuestFilter]) -> list[str]:
    """No port speaks for another's address, and none reaches another but through the router. IPv4 only."""
    names = ", ".join(f'"{guest.port}"' for guest in guests)
    lines = []
    for guest in guests:
        own = [f"ether type arp arp saddr ip {guest.address} return", f"ether type ip ip saddr {guest.address} return"]
        lines += _chain(f"from_{guest.port}", [*own, "drop"])
    jumps = ", ".join(f'"{guest.port}" : jump from_{guest.port}' for guest in guests)
    lines += _chain("prerouting", [_hook("prerouting", -300), f"iifname vmap {{ {jumps} }}"])
    return lines + _chain(
        "forward", [_hook("forward", 0), f"iifname {{ {names} }} drop", f"oifname {{ {names} }} drop"]
    )


def _flows(guests: Sequence[GuestFilter]) -> list[str]:
    """What is no guest's is not even followed: the lab's other hosts keep the router that they had."""
    addresses = ", ".join(guest.address for guest in guests)
    others = f"ip saddr != {{ {addresses} }} ip daddr != {{ {addresses} }} notrack"
    lines = _chain("raw", [_hook("prerouting", -300), others])
    for guest in guests:
        lines += _chain(f"out_{guest.port}", [*_allowed("ip daddr", guest.egress), "drop"])
        lines += _chain(f"in_{guest.port}", [*_allowed("ip saddr", guest.ingress), "drop"])
    leaving = ", ".join(f"{guest.address} : jump out_{guest.port}" for guest in guests)
    entering = ", ".join(f"{guest.address} : jump in_{guest.port}" for guest in guests)
    known, out = "ct state established,related accept", f"ip saddr vmap {{ {leaving} }}"
    lines += _chain("input", [_hook("input", 0), known, out])
    return lines + _chain("forward", [_hook("forward", 10), known, out, f"ip daddr vmap {{ {entering} }}"])


def _chain(name: str, lines: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"]


def _hook(hook: str, priority: int) -> str:
    return f"type filter hook {hook} priority {priority}; policy accept;"


def _allowed(peer: str, permissions: Sequence[Permission]) -> list[str]:
    """One line for each permission that somebody in IPv4 has."""
    lines = dict.fromkeys(_line(peer, permission) for permission in permissions)
    return [line for line in lines if line]


def _line(peer: str, permission: Permission) -> str:
    networks = list(collapse_addresses(IPv4Network(one) for one in permission.peers if ":" not in one))
    if not networks:
        return ""
    to_all = networks == [_EVERYONE]
    who = "" if to_all else f"{peer} {{ {', '.join(map(_short, networks))} }}"
    return " ".join(part for part in (_what(permission), who, "return") if part)


def _short(network: IPv4Network) -> str:
    single: IPv4Address = network[0]
    return str(single) if network.prefixlen == network.max_prefixlen else str(network)


def _what(permission: Permission) -> str:
    protocol, first, last = permission.protocol, permission.first, permission.last
    any_first = first in (None, -1)
    if protocol == "-1":
        return ""
    if protocol == "icmp" and not any_first:
        return f"icmp type {first}" + ("" if last in (None, -1) else f" icmp code {last}")
    if protocol in _PORTS and not any_first and (first, last) != (0, 65535):
        return f"{protocol} dport {first}" + ("" if first == last else f"-{last}")
    return f"meta l4proto {protocol}"
