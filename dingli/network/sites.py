"""Flows from site to site, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dingli.environment import Environment
from dingli.network.derivation import flows
from dingli.network.flow import Party

__all__ = ["between_sites", "place", "plain"]


def place(environment: Environment, party: Party) -> str:
    """The site of a party that is, or lies in, one; else what it is called."""
    if party.is_host:
        return environment.hosts[party.name].site
    if not party.is_outside:
        for site in environment.sites.values():
            if party.network.subnet_of(site.network):
                return site.name
    return party.name


def between_sites(environment: Environment) -> dict[tuple[str, str], tuple[str, ...]]:
    """From where to where: the services with their ports. Within a site too, where several hosts have flows."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for flow in flows(environment):
        for source, destination in flow.pairs():
            key = place(environment, source), place(environment, destination)
            found.setdefault(key, {})[f"{flow.service} {flow.port}" if flow.port else flow.service] = None
    return {key: tuple(services) for key, services in found.items()}


def plain(environment: Environment, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """For `--json`: sites with their hosts, what crosses from site to site, and the lines."""
    return {
        "environment": environment.name,
        "sites": {
            site.name: {
                "role": site.role.value,
                "city": site.city,
                "network": str(site.network),
                "hosts": {host.name: str(host.address) for host in environment.hosts_at(site.name)},
            }
            for site in environment.sites.values()
        },
        "crossings": [
            {"from": source, "to": destination, "services": list(services)}
            for (source, destination), services in between_sites(environment).items()
        ],
        "lines": list(lines),
    }
