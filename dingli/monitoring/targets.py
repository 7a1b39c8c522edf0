"""Everything that has metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from dingli.environment import Environment

__all__ = ["Job", "Target", "targets"]


class Job(StrEnum):
    """What kind of program a target is; alerts name targets by it."""

    HOST = "host"
    JOURNAL = "journal"
    CORE = "core"
    GATEWAY = "gateway"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"


@dataclass(frozen=True)
class Target:
    """An address that is asked, and what its series are labelled with: host and site, cell where it has one."""

    job: Job
    address: str
    labels: dict[str, str] = field(default_factory=dict)


def targets(environment: Environment) -> tuple[Target, ...]:
    """All of them, in the order of the file."""
    return tuple(_all(environment))


def _all(environment: Environment) -> Iterator[Target]:
    def target(job: Job, host: str, port: int, **more: str) -> Target:
        labels = {"host": host, "site": environment.hosts[host].site, **more}
        return Target(job, f"{environment.hosts[host].address}:{port}", labels)

    monitoring = environment.monitoring
    for host in environment.hosts:
        yield target(Job.HOST, host, monitoring.node_port)
    for host in environment.journal.members:
        yield target(Job.JOURNAL, host, environment.journal.client_port)
    for cell in environment.cells.values():
        for core in cell.cores:
            yield target(Job.CORE, core.host, cell.ports.core_metrics, cell=cell.name)
        for host in cell.running_gateways:
            yield target(Job.GATEWAY, host, cell.ports.gateway_metrics, cell=cell.name)
    for host, site in ((host, environment.site_of(host)) for host in environment.hosts):
        if not site.trading:
            yield target(Job.PROMETHEUS, host, monitoring.prometheus_port)
            yield target(Job.ALERTMANAGER, host, monitoring.alertmanager_port)
