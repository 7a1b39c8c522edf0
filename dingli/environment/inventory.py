"""The environment as an Ansible inventory."""

from __future__ import annotations

from typing import Any

from dingli.environment.lines import ipsec_gateways
from dingli.environment.model import CoreKind, Environment
from dingli.environment.once import once
from dingli.environment.witnesses import witness_hosts

__all__ = ["groups", "inventory"]


@once
def groups(environment: Environment) -> dict[str, tuple[str, ...]]:
    """Group names and their hosts. Dashes become underscores, as Ansible wants; empty groups are there, and empty."""
    found: dict[str, list[str]] = {
        "base": list(environment.hosts),
        "journal": list(environment.journal.members),
        "core": [],
        "gateway": [],
        "ipsec": list(ipsec_gateways(environment)),
        "witness": list(witness_hosts(environment)),
        "emulated": [host.name for host in environment.hosts.values() if host.emulated],
    }
    for site in environment.sites.values():
        hosts = [host.name for host in environment.hosts_at(site.name)]
        found[_group("site", site.name)] = hosts
        found.setdefault(_group("role", site.role.value), []).extend(hosts)
    for cell in environment.cells.values():
        cores = [core.host for core in cell.cores]
        found["core"] += cores
        found["gateway"] += cell.gateways
        found[_group("cell", cell.name)] = [*cores, *cell.gateways]
        for kind in CoreKind:
            placed = [core.host for core in cell.cores if core.kind is kind]
            found[_group("core", cell.name, kind.value)] = placed
        found[_group("gateway", cell.name)] = list(cell.gateways)
    return {name: tuple(dict.fromkeys(hosts)) for name, hosts in found.items()}


def inventory(environment: Environment) -> dict[str, Any]:
    """A complete inventory (the YAML plugin's structure). How to log in is the connection's matter, not said here."""
    hosts = {
        host.name: {
            "ansible_host": str(host.address),
            "dingli_environment": environment.name,
            "dingli_host": host.name,
            "dingli_site": host.site,
            "dingli_city": environment.sites[host.site].city,
            "dingli_arch": host.arch.value,
            "dingli_os": host.os.value,
            "dingli_emulated": host.emulated,
        }
        for host in environment.hosts.values()
    }
    children: dict[str, Any] = {
        name: {"hosts": {host: {} for host in members}} for name, members in groups(environment).items()
    }
    return {"all": {"hosts": hosts, "children": children}}


def _group(*parts: str) -> str:
    return "_".join(parts).replace("-", "_")
