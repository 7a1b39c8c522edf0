"""Security groups as packet filters of the lab's router, outside of the guests: rules in, text for nft out.

A guest's switch port passes nothing to another port: everything goes through the router, which answers for the
neighbours (`wires`), so that one stateful filter sees all of it. In its two tables `return` means allowed: a packet
between two guests has to pass the first one's rules out and the second one's rules in. Who sends is known by the port
that a packet came in at, and who is sent it by where the router is about to send it: that holds for what a guest
forwards, too. What no rule allows is dropped without a word. The text replaces the tables at once; sessions that exist
are the kernel's, and go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

__all__ = ["NO_GUESTS", "GuestFilter", "Permission", "mark", "ruleset"]

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
    """A guest's address, the switch port of its cable, and what its groups allow together. One that `forwards` (its
    source/destination check is off) sends from any address and is sent what is for others; `routed` are addresses that
    routes give it beside its own."""

    address: str
    port: str
    ingress: tuple[Permission, ...]
    egress: tuple[Permission, ...]
    forwards: bool = False
    routed: tuple[str, ...] = ()


def mark(address: str) -> str:
    """On packets that the guest with this address sends, whatever address they come from."""
    return hex(int(IPv4Address(address)))


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
        own = ", ".join((guest.address, *guest.routed)) if guest.forwards else guest.address
        sender = "" if guest.forwards else f"ip saddr {guest.address} "
        passed = [f"ether type arp arp saddr ip {{ {own} }} return", f"ether type ip {sender}return"]
        lines += _chain(f"from_{guest.port}", [f"meta mark set {mark(guest.address)}", *passed, "drop"])
    jumps = ", ".join(f'"{guest.port}" : jump from_{guest.port}' for guest in guests)
    lines += _chain("prerouting", [_hook("prerouting", -300), f"iifname vmap {{ {jumps} }}"])
    return lines + _chain(
        "forward", [_hook("forward", 0), f"iifname {{ {names} }} drop", f"oifname {{ {names} }} drop"]
    )


def _flows(guests: Sequence[GuestFilter]) -> list[str]:
    """What is no guest's is not even followed: the lab's other hosts keep the router that they had."""
    marks = ", ".join(mark(guest.address) for guest in guests)
    addresses = ", ".join(dict.fromkeys(one for guest in guests for one in (guest.address, *guest.routed)))
    others = f"meta mark != {{ {marks} }} ip daddr != {{ {addresses} }} notrack"
    lines = _chain("raw", [_hook("prerouting", -300), others])
    for guest in guests:
        lines += _chain(f"out_{guest.port}", [*_allowed("ip daddr", guest.egress), "drop"])
        lines += _chain(f"in_{guest.port}", [*_allowed("ip saddr", guest.ingress), "drop"])
    leaving = ", ".join(f"{mark(guest.address)} : jump out_{guest.port}" for guest in guests)
    entering = ", ".join(f"{guest.address} : jump in_{guest.port}" for guest in guests)
    known, out = "ct state established,related accept", f"meta mark vmap {{ {leaving} }}"
    lines += _chain("input", [_hook("input", 0), known, out])
    return lines + _chain("forward", [_hook("forward", 10), known, out, f"rt ip nexthop vmap {{ {entering} }}"])


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
