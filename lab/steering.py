"""Where the lab's router sends packets besides to its own networks: to gateways of lines, and through them.

What is wanted is plain data, put beside what the router has (`changes`); a second `steer` changes nothing. Racks and
the cloud have routes and rules of their own, told apart by the protocol they are marked with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

from lab.command import run
from lab.layout import Layout
from lab.network import ROUTER, bridge_name

__all__ = ["NOTHING", "Kind", "Owner", "Reached", "Seen", "Steering", "Through", "changes", "of_racks", "steer"]


class Owner(Enum):
    """Whose routes these are: their protocol and metric, and the place of their rules before all others."""

    RACKS = (201, 0, 1000)
    CLOUD = (202, 100, 2000)

    @property
    def protocol(self) -> str:
        return str(self.value[0])


@dataclass(frozen=True)
class Reached:
    """An address that a machine with the address `via`, in `network`, has besides; everybody reaches it there."""

    address: str
    via: str
    network: str


class Kind(Enum):
    """To a machine, to nobody, or where it would go without us."""

    MACHINE = "unicast"
    NOBODY = "blackhole"
    AS_EVER = "throw"


@dataclass(frozen=True)
class Through:
    """What comes from `network` and is for `destination` goes to the machine `via` in `via_network`."""

    network: str
    destination: str
    via: str = ""
    via_network: str = ""
    kind: Kind = Kind.MACHINE


@dataclass(frozen=True)
class Steering:
    """`spared`: (network, selector as in `ip rule`), packets of gateways themselves, for which no way through is."""

    reached: tuple[Reached, ...] = ()
    through: tuple[Through, ...] = ()
    spared: tuple[tuple[str, str], ...] = ()


NOTHING = Steering()


@dataclass(frozen=True)
class Seen:
    """Rules and routes of one owner, as words for `ip rule` and `ip route`, that the router has."""

    rules: frozenset[str]
    routes: frozenset[str]


def of_racks(layout: Layout) -> Steering:
    """The lines of hosts in racks; what a site of instances needs is up to its cloud."""
    gateways = [host for host in layout.hosts if host.line_addresses]
    networks = {host.address: str(IPv4Network((host.address, host.prefix), strict=False)) for host in gateways}
    reached = [Reached(own, host.address, networks[host.address]) for host in gateways for own in host.line_addresses]
    through = [Through(one.network, one.destination, one.gateway, one.network) for one in layout.detours]
    spared = dict.fromkeys((one.network, f"from {one.gateway}") for one in layout.detours)
    return Steering(tuple(reached), tuple(through), tuple(spared))


def steer(owner: Owner, wanted: Steering) -> None:
    """Make it true on the router, all at once. What stays as it is is not touched."""
    rules = json.loads(run(["ip", "-n", ROUTER, "-json", "rule", "show"]))
    shown = run(["ip", "-n", ROUTER, "-json", "route", "show", "table", "all", "proto", owner.protocol])
    seen = Seen(
        frozenset(_said_rule(one) for one in rules if one.get("protocol") == owner.protocol),
        frozenset(_said_route(one) for one in json.loads(shown or "[]")),
    )
    if lines := changes(owner, wanted, seen):
        run(["ip", "-n", ROUTER, "-batch", "-"], stdin="\n".join(lines).encode())


def changes(owner: Owner, wanted: Steering, seen: Seen) -> list[str]:
    """Lines for `ip -batch`. Routes come before the rules that lead to them, and go after them."""
    rules, routes = _rules(owner, wanted), _routes(owner, wanted)
    mark = f"protocol {owner.protocol}"
    return [
        *(f"route replace {one} {mark}" for one in routes if one not in seen.routes),
        *(f"rule add {one} {mark}" for one in rules if one not in seen.rules),
        *(f"rule del {one} {mark}" for one in sorted(seen.rules - set(rules))),
        *(f"route del {one} {mark}" for one in sorted(seen.routes - set(routes)) if not _replaced(one, routes)),
    ]


def _replaced(route: str, routes: Iterable[str]) -> bool:
    """Whether another way to the same destination has taken its place: kind, destination, table and metric name it."""
    return any(_key(route) == _key(one) for one in routes)


def _key(route: str) -> tuple[str, ...]:
    words = route.split()
    named = [f"{word} {value}" for word, value in pairwise(words) if word in ("table", "metric")]
    return words[1], *named


def _rules(owner: Owner, wanted: Steering) -> list[str]:
    _, _, place = owner.value
    networks = dict.fromkeys(one.network for one in wanted.through)
    spared = [
        f"priority {place} {selector} iif {bridge_name(network)} lookup main" for network, selector in wanted.spared
    ]
    return [
        *spared,
        *(f"priority {place + 1} from all iif {_table(one)[1]} lookup {_table(one)[0]}" for one in networks),
    ]


def _routes(owner: Owner, wanted: Steering) -> list[str]:
    _, metric, _ = owner.value
    own = [
        f"unicast {one.address} via {one.via} dev {bridge_name(one.network)} table main metric {metric}"
        for one in wanted.reached
    ]
    return [*own, *(_way(one) for one in wanted.through)]


def _way(one: Through) -> str:
    table, _ = _table(one.network)
    where = f" via {one.via} dev {bridge_name(one.via_network)}" if one.kind is Kind.MACHINE else ""
    destination = "default" if one.destination == "0.0.0.0/0" else one.destination.removesuffix("/32")  # as it is shown
    return f"{one.kind.value} {destination}{where} table {table} metric 0"


def _table(network: str) -> tuple[int, str]:
    """A network's own table, and its switch."""
    bridge = bridge_name(network)
    return int(bridge.removeprefix("b"), 16), bridge


def _said_rule(rule: Mapping[str, Any]) -> str:
    source = rule["src"] + (f"/{rule['srclen']}" if "srclen" in rule else "")
    selector = f"fwmark {rule['fwmark']}" if "fwmark" in rule else f"from {source}"
    return f"priority {rule['priority']} {selector} iif {rule['iif']} lookup {rule['table']}"


def _said_route(route: Mapping[str, Any]) -> str:
    way = f" via {route['gateway']} dev {route['dev']}" if "gateway" in route else ""
    table, metric = route.get("table", "main"), route.get("metric", 0)
    return f"{route.get('type', 'unicast')} {route['dst']}{way} table {table} metric {metric}"
