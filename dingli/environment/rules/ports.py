"""Ports: no two programs of a host listen on the same one."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.document import KeyPath
from dingli.environment.logs import logs_host
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = ["are_free"]

SSH_PORT = 22


def are_free(draft: Draft) -> Iterator[Problem]:
    """Every (host, port) has one user; told once for each key that clashes."""
    users: dict[tuple[str, int], str] = {}
    told: set[KeyPath] = set()
    for host, port, user, place in _uses(draft):
        other = users.setdefault((host, port), user)
        if other != user and place not in told:
            told.add(place)
            yield draft.problem(place, f"port {port} for {user}, which is {other}'s on {host!r}", "a free port")


def _uses(draft: Draft) -> Iterator[tuple[str, int, str, KeyPath]]:
    for host in draft.environment.hosts:
        yield host, SSH_PORT, "ssh", ("hosts", host)
    monitoring = draft.environment.monitoring
    sites = draft.environment.sites
    for name, declared in draft.environment.hosts.items():
        yield name, monitoring.node_port, "the host's metrics", ("monitoring", "node_port")
        if declared.site in sites and not sites[declared.site].trading:
            yield name, monitoring.prometheus_port, "Prometheus", ("monitoring", "prometheus_port")
            yield name, monitoring.alertmanager_port, "Alertmanager", ("monitoring", "alertmanager_port")
    journal = draft.environment.journal
    for host in journal.members:
        yield host, journal.client_port, "the journal's clients", ("journal", "client_port")
        yield host, journal.peer_port, "the journal's members", ("journal", "peer_port")
    kept_on = logs_host(draft.environment)
    if kept_on is not None:
        yield kept_on, draft.environment.logs.port, "the central logs", ("logs", "port")
    for cell in draft.environment.cells.values():
        place = ("cells", cell.name, "ports")
        if not draft.intact(*place):
            continue
        for core in cell.cores:
            yield core.host, cell.ports.core, f"the core of {cell.name}", (*place, "core")
            yield core.host, cell.ports.core_metrics, f"the core metrics of {cell.name}", (*place, "core_metrics")
        for host in cell.gateways:
            yield host, cell.ports.fix, f"the gateway of {cell.name}", (*place, "fix")
            yield host, cell.ports.gateway_metrics, f"the gateway metrics of {cell.name}", (*place, "gateway_metrics")
