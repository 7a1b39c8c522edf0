"""What a host has to bring for the programs that the environment puts on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import yaml
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

from dingli.environment import Environment, project_root
from dingli.environment.inventory import groups
from dingli.environment.logs import logs_host
from dingli.network import host_rules
from dingli.network.derivation import SSH_PORT
from dingli.stacks.variables import common_variables, host_variables

__all__ = ["Port", "Requirements", "longest_clock_offset_s", "longest_round_trip_ms", "requirements"]

# What the programs used at 500 orders/s in a lab, with room. A day of a cell's journal is held in memory.
_TRADING = {"cores": 2, "memory_mib": 2048, "disk_mib": 5120}
_OTHERS = {"cores": 1, "memory_mib": 1024, "disk_mib": 5120}
_JOURNAL_PACKAGES = ("etcd-server", "etcd-client")
_MOST_CLOCK_OFFSET_S = 1.0
_ELECTION_ROUND_TRIPS = 10  # etcd's guidance: the election timeout is at least ten round trips
_LEASE_ROUND_TRIPS = 10  # a renewal is a commit of the majority; a lease must survive several that are late


@dataclass(frozen=True)
class Port:
    """A port that the environment gives to a program, and the systemd unit that may listen there."""

    number: int
    unit: str


@dataclass(frozen=True)
class Requirements:
    """Of one host. Sizes are the least that will do."""

    cores: int
    memory_mib: int
    disk_mib: int
    ports: tuple[Port, ...]
    packages: tuple[str, ...]
    ssh_from: tuple[IPv4Network, ...] = ()
    """From where its packet filter will let SSH in."""


def requirements(environment: Environment, host: str) -> Requirements:
    """What `host` has to bring."""
    roles = groups(environment)
    trading = any(host in roles[role] for role in ("journal", "core", "gateway"))
    packages = [*_base_packages(environment, host), *(_JOURNAL_PACKAGES if host in roles["journal"] else ())]
    packages += _defaults("ipsec")["ipsec_packages"] if host in roles["ipsec"] else ()
    return Requirements(
        **(_TRADING if trading else _OTHERS),
        ports=tuple(_ports(environment, host)),
        packages=tuple(packages),
        ssh_from=tuple(
            peer for rule in host_rules(environment, host).inbound if rule.port == SSH_PORT for peer in rule.peers
        ),
    )


def longest_round_trip_ms(environment: Environment) -> tuple[float, str]:
    """The longest round trip between sites that the journal and the leases bear, and which of them says so."""
    election_ms = float(_defaults("journal")["journal_election_ms"])
    lease_ms = 1000.0 * min(core.lease_s for cell in environment.cells.values() for core in cell.cores)
    rto_ms = 1000.0 * environment.targets.service_rto_s
    bounds = [
        (election_ms / _ELECTION_ROUND_TRIPS, f"a tenth of etcd's election timeout of {election_ms:.0f} ms"),
        (lease_ms / _LEASE_ROUND_TRIPS, f"a tenth of the shortest lease of {lease_ms:.0f} ms"),
        (rto_ms / 100, f"a hundredth of the target service_rto_s of {rto_ms:.0f} ms"),
    ]
    return min(bounds)


def longest_clock_offset_s(environment: Environment) -> float:
    """A tenth of max_age_ms, or 1 s: an order's age is told by another clock than the one that stamped it."""
    shortest_s = min(cell.max_age_ms for cell in environment.cells.values()) / 1000
    return min(_MOST_CLOCK_OFFSET_S, shortest_s / 10)


def _ports(environment: Environment, host: str) -> Iterator[Port]:
    monitoring, journal = environment.monitoring, environment.journal
    yield Port(monitoring.node_port, "prometheus-node-exporter.service")
    if not environment.site_of(host).trading:
        yield Port(monitoring.prometheus_port, "prometheus.service")
        yield Port(monitoring.alertmanager_port, "prometheus-alertmanager.service")
    if host == logs_host(environment):
        yield Port(environment.logs.port, "dingli-log-receive.service")
    if host in journal.members:
        yield Port(journal.client_port, "etcd.service")
        yield Port(journal.peer_port, "etcd.service")
    for cell in environment.cells.values():
        if host in {core.host for core in cell.cores}:
            yield Port(cell.ports.core, f"dingli-core@{cell.name}.service")
            yield Port(cell.ports.core_metrics, f"dingli-core@{cell.name}.service")
        if host in cell.gateways:
            yield Port(cell.ports.fix, f"dingli-gateway@{cell.name}.service")
            yield Port(cell.ports.gateway_metrics, f"dingli-gateway@{cell.name}.service")


def _base_packages(environment: Environment, host: str) -> list[str]:
    """What role base looks for; it says so in an expression over the variables of the host."""
    said = _defaults("base")["base_packages"]
    if isinstance(said, str):
        variables = common_variables(environment) | host_variables(environment, host)
        said = NativeEnvironment(undefined=StrictUndefined).from_string(said).render(variables)
    return [str(name) for name in said]


def _defaults(role: str) -> dict[str, Any]:
    """What a role assumes: read from the role itself, so that the two never differ."""
    found: dict[str, Any] = yaml.safe_load((project_root() / "roles" / role / "defaults" / "main.yml").read_text())
    return found
