"""Lines between sites: two for a pair, between hosts that can be gateways, on addresses of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from dingli.environment.controllers import ways_to_sites
from dingli.environment.document import KeyPath
from dingli.environment.model import Line
from dingli.environment.problems import Problem, near_miss
from dingli.environment.shape import Draft

__all__ = ["addresses_are_the_lines_own", "gateways_join_two_sites", "leave_dingli_its_way"]

_PAIR = 2


def gateways_join_two_sites(draft: Draft) -> Iterator[Problem]:
    """Each entry names one gateway at each of two sites, and no pair of sites stands twice."""
    pairs: dict[frozenset[str], int] = {}
    for number, (place, line) in enumerate(draft.items(("lines",), draft.environment.lines)):
        yield from _count(draft, (*place, "gateways"), line.gateways, "hosts, one at each of two sites")
        yield from _gateways(draft, (*place, "gateways"), line)
        hosts = [draft.environment.hosts[name] for name in line.gateways if name in draft.environment.hosts]
        if len(hosts) != _PAIR or len(line.gateways) != _PAIR:
            continue
        sites = frozenset(host.site for host in hosts)
        if len(sites) < _PAIR:
            yield draft.problem((*place, "gateways"), f"both at site {hosts[0].site!r}", "one at each of two sites")
        elif sites in pairs:
            found = f"a second entry for {' and '.join(sorted(sites))}"
            yield draft.problem((*place, "gateways"), found, "one entry for a pair of sites: it has both lines")
        pairs.setdefault(sites, number)


def _gateways(draft: Draft, place: KeyPath, line: Line) -> Iterator[Problem]:
    for index, name in enumerate(line.gateways):
        host = draft.environment.hosts.get(name)
        if not draft.declares("hosts", name):
            known = draft.names("hosts")
            expected = f"a declared host{near_miss(name, known)}"
            yield draft.problem((*place, index), f"the unknown host {name!r}", expected)
        elif host is not None and host.emulated:
            found = f"{name!r}, whose processor is emulated: it has neither tunnels nor a packet filter"
            yield draft.problem((*place, index), found, "another host of the site")


def leave_dingli_its_way(draft: Draft) -> Iterator[Problem]:
    """Dingli reaches every host while a line is down: a gateway drops what comes from the other site in clear."""
    environment = draft.environment
    if not draft.intact("network") or not draft.intact("sites"):
        return
    ways = tuple(ways_to_sites(environment)) if environment.lines else ()
    for place, line in draft.items(("lines",), environment.lines):
        hosts = [environment.hosts[name] for name in line.gateways if name in environment.hosts]
        sites = {host.site: environment.sites[host.site] for host in hosts if host.site in environment.sites}
        if len(sites) != _PAIR:
            continue
        one, other = (site.network for site in sites.values())
        for name, start, end in ways:
            if _crosses(start, end, one, other) or _crosses(end, start, one, other):
                found = f"a line on Dingli's way to {name!r}, from {start} to {end}"
                expected = "`network.controllers` and bastions outside the networks that lines protect"
                yield draft.problem((*place, "gateways"), found, expected)


def _crosses(start: IPv4Network, end: IPv4Network, one: IPv4Network, other: IPv4Network) -> bool:
    return start.overlaps(one) and end.overlaps(other)


def addresses_are_the_lines_own(draft: Draft) -> Iterator[Problem]:
    """An address on a line is one host's, and in no site's network: what is sent to it must not enter a tunnel."""
    users: dict[IPv4Address, str] = {}
    for place, line in draft.items(("lines",), draft.environment.lines):
        for key, addresses in (("first", line.first), ("second", line.second)):
            yield from _count(draft, (*place, key), addresses, "addresses, in the order of the gateways")
            yield from _addresses(draft, (*place, key), line, addresses, users)
        same = [index for index, pair in enumerate(zip(line.first, line.second, strict=False)) if pair[0] == pair[1]]
        for index in same:
            found = f"{line.second[index]}, the address of the first line too"
            yield draft.problem((*place, "second", index), found, "another: one fault must not cut both lines")


def _addresses(
    draft: Draft, place: KeyPath, line: Line, addresses: Sequence[IPv4Address], users: dict[IPv4Address, str]
) -> Iterator[Problem]:
    for index, (host, address) in enumerate(zip(line.gateways, addresses, strict=False)):
        if users.setdefault(address, host) != host:
            found = f"{address}, which {users[address]!r} has too"
            yield draft.problem((*place, index), found, "an address of its own for each host")
        for site in draft.environment.sites.values():
            if address in site.network:
                found = f"{address}, inside {site.network} of site {site.name!r}"
                yield draft.problem((*place, index), found, "an address outside the networks that lines protect")


def _count(draft: Draft, place: KeyPath, values: Sequence[object], expected: str) -> Iterator[Problem]:
    if len(values) != _PAIR:
        yield draft.problem(place, f"{len(values)} of them", f"two {expected}")
