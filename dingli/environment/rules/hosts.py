"""Hosts: their sites, addresses and power; which of them keep the heads of the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from dingli.environment.classification import Hosting
from dingli.environment.power import Ec2Power
from dingli.environment.problems import Problem, near_miss
from dingli.environment.shape import Draft

__all__ = [
    "accept_what_is_there",
    "addresses_belong",
    "are_where_their_power_is",
    "have_declared_power",
    "stand_on_declared_sites",
    "witnesses_stand_apart",
]


def stand_on_declared_sites(draft: Draft) -> Iterator[Problem]:
    """A host's site is one of `sites`."""
    for host in draft.environment.hosts.values():
        if not draft.declares("sites", host.site):
            known = draft.names("sites")
            expected = f"a declared site: {', '.join(known)}{near_miss(host.site, known)}"
            yield draft.problem(("hosts", host.name, "site"), f"the unknown site {host.site!r}", expected)


def addresses_belong(draft: Draft) -> Iterator[Problem]:
    """An address lies in the network of its site and is used once."""
    users: dict[IPv4Address, str] = {}
    for host in draft.environment.hosts.values():
        place = ("hosts", host.name, "address")
        if host.address in users:
            found = f"{host.address}, which {users[host.address]!r} has too"
            yield draft.problem(place, found, "an address of its own")
        users.setdefault(host.address, host.name)
        site = draft.environment.sites.get(host.site)
        if site is not None and host.address not in site.network:
            yield draft.problem(place, str(host.address), f"an address in {site.network}, the network of {site.name!r}")
        elif site is not None and host.address in (site.network.network_address, site.network.broadcast_address):
            yield draft.problem(place, f"{host.address}, which is no host's", f"a host address in {site.network}")


def have_declared_power(draft: Draft) -> Iterator[Problem]:
    """A host's power driver is one of `power`."""
    for host in draft.environment.hosts.values():
        if host.power is not None and not draft.declares("power", host.power):
            known = draft.names("power")
            expected = f"a declared power driver: {', '.join(known) or 'there is none'}{near_miss(host.power, known)}"
            yield draft.problem(("hosts", host.name, "power"), f"the unknown driver {host.power!r}", expected)


def are_where_their_power_is(draft: Draft) -> Iterator[Problem]:
    """Machines that a cloud's API switches stand on a site of that cloud: what policies allow there depends on it."""
    for host in draft.environment.hosts.values():
        site = draft.environment.sites.get(host.site)
        driver = draft.environment.power.get(host.power or "")
        if site is not None and isinstance(driver, Ec2Power) and site.hosting is not Hosting.INDUSTRY:
            found = f"the driver ec2 on {site.name!r}, a site of racks"
            expected = f"`hosting: industry` on {site.name!r}, or the power driver of a rack"
            yield draft.problem(("hosts", host.name, "power"), found, expected)


def accept_what_is_there(draft: Draft) -> Iterator[Problem]:
    """A rack's new machine is known by its host key, an instance that goes by its id."""
    for host in draft.environment.hosts.values():
        site, accepted = draft.environment.sites.get(host.site), host.accept_replacement
        if accepted is not None and site is not None and site.made == accepted.startswith("SHA256:"):
            expected = "the id of the instance that goes" if site.made else "the fingerprint of the new host key"
            yield draft.problem(("hosts", host.name, "accept_replacement"), accepted, expected)


def witnesses_stand_apart(draft: Draft) -> Iterator[Problem]:
    """Witnesses, where they are named, are declared hosts on at least two sites."""
    if draft.environment.witnesses is None:
        return
    hosts = draft.environment.hosts
    for place, name in draft.items(("witnesses",), draft.environment.witnesses):
        if not draft.declares("hosts", name):
            known = draft.names("hosts")
            yield draft.problem(place, f"the unknown host {name!r}", f"a declared host{near_miss(name, known)}")
    named = [hosts[name] for name in draft.environment.witnesses if name in hosts]
    if len({host.site for host in named}) < 2 and draft.intact("witnesses") and draft.intact("hosts"):
        yield draft.problem(("witnesses",), "witnesses on fewer than two sites", "hosts of two sites")
