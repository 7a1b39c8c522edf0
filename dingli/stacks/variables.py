"""What roles are told about the environment: variables of all hosts, and of each one. Everything is derived."""

from __future__ import annotations

from typing import Any

from dingli.environment import Cell, Environment
from dingli.environment.certificates import certificates
from dingli.environment.etcd import initial_cluster
from dingli.environment.inventory import groups
from dingli.environment.lines import ipsec_variables
from dingli.environment.logs import logs_variables
from dingli.environment.once import once
from dingli.environment.services import core_configuration, gateway_configuration, load_configuration
from dingli.monitoring import monitoring_variables, node_variables
from dingli.network import firewall_variables

__all__ = ["cell_variables", "common_variables", "host_variables", "known_groups"]


def known_groups(environment: Environment) -> dict[str, list[str]]:
    """Every group of the environment with its hosts, as `groups` has them in a play."""
    found = {name: list(hosts) for name, hosts in groups(environment).items()}
    found["ops"] = found.get("role_ops", [])
    return found


@once
def common_variables(environment: Environment) -> dict[str, Any]:
    """The same for every host, whichever sites are called."""
    environment = environment.declared
    return {
        "dingli_environment": environment.name,
        "dingli_kind": environment.kind.value,
        "dingli_hosts": {name: _host(environment, name) for name in environment.hosts},
        "dingli_journal": {
            "members": [{"name": name, **_host(environment, name)} for name in environment.journal.members],
            "client_port": environment.journal.client_port,
            "peer_port": environment.journal.peer_port,
            "initial_cluster": initial_cluster(environment),
            "cells": [_cell(cell) for cell in environment.cells.values()],
        },
        "dingli_logs": logs_variables(environment),
    }


def cell_variables(environment: Environment, cell: str) -> dict[str, Any]:
    """What a cell's Deployments are told: of other cells only those that share a host with it."""
    told = common_variables(environment)
    journal: dict[str, Any] = told["dingli_journal"]
    own = _hosts_of(_cell(environment.declared.cells[cell]))
    near = [one for one in journal["cells"] if not own.isdisjoint(_hosts_of(one))]
    return told | {"dingli_journal": journal | {"cells": near}}


def _hosts_of(cell: dict[str, Any]) -> set[str]:
    return {core["host"] for core in cell["cores"]} | set(cell["gateways"])


def host_variables(environment: Environment, host: str, cell: str | None = None) -> dict[str, Any]:
    """What differs from host to host; `cell` restricts cores and gateways to one cell's. Only load and monitoring are
    told who is there now: when a site is called, nobody else's variables change."""
    there, environment = environment, environment.declared
    site = environment.site_of(host)
    cells = [one for one in environment.cells.values() if cell in (None, one.name)]
    lines = ipsec_variables(environment, host)
    return {
        "dingli_host": host,
        "dingli_site": site.name,
        "dingli_city": site.city,
        "dingli_emulated": environment.hosts[host].emulated,
        "dingli_certificates": [certificate.plain() for certificate in certificates(environment, host)],
        "dingli_core": [
            core_configuration(environment, one.name, host)
            for one in cells
            if host in {core.host for core in one.cores}
        ],
        "dingli_gateway": [gateway_configuration(environment, one.name, host) for one in cells if host in one.gateways],
        "dingli_gateway_stopped": [one.name for one in cells if host in set(one.gateways) - set(one.running_gateways)],
        "dingli_load": [] if site.trading else [load_configuration(there, name) for name in there.cells],
        "dingli_node": node_variables(environment, host),
        "dingli_firewall": firewall_variables(environment, host),
        "dingli_monitoring": monitoring_variables(there, host),
        "dingli_gateway_sessions": {one.name: list(one.sessions) for one in cells if host in one.gateways},
        **({"dingli_ipsec": lines} if lines else {}),
    }


@once
def _roles(environment: Environment) -> dict[str, list[str]]:
    """The groups of each host."""
    found: dict[str, list[str]] = {name: [] for name in environment.hosts}
    for group, hosts in known_groups(environment).items():
        for host in hosts:
            found[host].append(group)
    return found


def _host(environment: Environment, name: str) -> dict[str, Any]:
    host, site = environment.hosts[name], environment.site_of(name)
    return {
        "address": str(host.address),
        "site": site.name,
        "city": site.city,
        "site_role": site.role.value,
        "roles": _roles(environment)[name],
        "emulated": host.emulated,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "revision": cell.revision,
        "cores": [
            {"id": core.core_id, "host": core.host, "kind": core.kind.value, "takeover": core.takeover.value}
            for core in cell.cores
        ],
        "gateways": list(cell.gateways),
        "sessions": list(cell.sessions),
    }
