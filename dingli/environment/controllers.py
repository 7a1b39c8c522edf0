"""Where `dingli` runs, and which ways it takes to the sites."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from dingli.environment.model import Environment

__all__ = ["controller_networks", "ways_to_sites"]


def controller_networks(environment: Environment) -> tuple[IPv4Network, ...]:
    """Where `dingli` runs and operators sit: what is declared, or else the networks of the ops sites."""
    declared = environment.network.controllers
    return declared or tuple(site.network for site in environment.sites.values() if not site.trading)


def ways_to_sites(environment: Environment) -> Iterator[tuple[str, IPv4Network, IPv4Network]]:
    """Every step by which ssh reaches hosts: the site that it is for, from where, and to where."""
    people = controller_networks(environment)
    for site in environment.sites.values():
        doors = people
        if site.bastion is not None:
            door = IPv4Network(site.bastion.address)
            yield from ((site.name, network, door) for network in people)
            doors = (door,)
        yield from ((site.name, network, site.network) for network in doors)
