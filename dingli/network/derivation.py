"""All flows of an environment, derived from what its file puts where. Whatever is not here is denied everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from urllib.parse import urlsplit

from dingli.environment import Cell, Environment, ExtraFlow, Protocol
from dingli.environment.controllers import controller_networks
from dingli.environment.lines import IKE_PORT, NAT_PORT, site_lines
from dingli.environment.logs import logs_host
from dingli.environment.once import once
from dingli.environment.power import Ec2Power
from dingli.network.flow import Flow, Party

__all__ = ["NO_PORT", "NTP_PORT", "SSH_PORT", "controllers", "flows"]

SSH_PORT, NTP_PORT = 22, 123
NO_PORT = 0
"""Of a protocol without ports."""
_HIGHEST_PORT = 65535
_SCHEME_PORTS = {"https": 443, "http": 80}


@once
def flows(environment: Environment) -> tuple[Flow, ...]:
    """Every flow, those of the journal and the cells first; none without both ends."""
    found = [
        *_journal(environment),
        *(flow for cell in environment.cells.values() for flow in _cell(environment, cell)),
        *_monitoring(environment),
        *_alerts(environment),
        *_logs_and_time(environment),
        *_management(environment),
        *_power(environment),
        *_lines(environment),
        *(_also(environment, extra) for extra in environment.network.also),
    ]
    return tuple(flow for flow in found if next(flow.pairs(), None) is not None)


def controllers(environment: Environment) -> tuple[Party, ...]:
    """The controllers, as ends of flows."""
    return tuple(Party("controllers", network) for network in controller_networks(environment))


def _hosts(environment: Environment, names: Iterable[str]) -> tuple[Party, ...]:
    """Each once, in the order of the file."""
    wanted = set(names)
    return tuple(party for name, party in _parties(environment).items() if name in wanted)


@once
def _parties(environment: Environment) -> dict[str, Party]:
    return {name: Party.host(host) for name, host in environment.hosts.items()}


@once
def _ops(environment: Environment) -> tuple[Party, ...]:
    return _hosts(environment, (name for name in environment.hosts if not environment.site_of(name).trading))


def _journal(environment: Environment) -> Iterator[Flow]:
    journal = environment.journal
    members = _hosts(environment, journal.members)
    clients = {core.host for cell in environment.cells.values() for core in cell.cores}
    clients |= {host for cell in environment.cells.values() for host in cell.gateways} | set(journal.members)
    why = "cores write the journal and follow it, gateways look who leads, members set up users"
    yield Flow("journal", _hosts(environment, clients), members, journal.client_port, why)
    yield Flow("journal peers", members, members, journal.peer_port, "members agree among themselves")


def _cell(environment: Environment, cell: Cell) -> Iterator[Flow]:
    cores = _hosts(environment, (core.host for core in cell.cores))
    gateways = _hosts(environment, cell.gateways)
    members = tuple(Party("members", network) for network in environment.network.members)
    why = "gateways hand commands to the core that leads"
    yield Flow(f"core {cell.name}", gateways, cores, cell.ports.core, why)
    yield Flow(f"FIX {cell.name}", members, gateways, cell.ports.fix, "members trade")
    why = "probe, smoke orders and load of the ops site"
    yield Flow(f"FIX {cell.name}", _ops(environment), gateways, cell.ports.fix, why)


def _monitoring(environment: Environment) -> Iterator[Flow]:
    monitoring, ops, why = environment.monitoring, _ops(environment), "Prometheus asks for metrics"
    everyone = _hosts(environment, environment.hosts)
    yield Flow("host metrics", ops, everyone, monitoring.node_port, why)
    members = _hosts(environment, environment.journal.members)
    yield Flow("journal metrics", ops, members, environment.journal.client_port, why)
    for cell in environment.cells.values():
        cores = _hosts(environment, (core.host for core in cell.cores))
        yield Flow(f"core {cell.name} metrics", ops, cores, cell.ports.core_metrics, why)
        gateways = _hosts(environment, cell.gateways)
        yield Flow(f"gateway {cell.name} metrics", ops, gateways, cell.ports.gateway_metrics, why)
    people = controllers(environment)
    for service, port in (("Prometheus", monitoring.prometheus_port), ("Alertmanager", monitoring.alertmanager_port)):
        yield Flow(service, ops, ops, port, "ops hosts watch each other, and tell all Alertmanagers")
        yield Flow(service, people, ops, port, "operators look, and silence alerts")


def _alerts(environment: Environment) -> Iterator[Flow]:
    ops, webhook, email = _ops(environment), environment.monitoring.webhook, environment.monitoring.email
    ends: dict[str, tuple[str, int]] = {}
    if webhook is not None:
        ends["alerts by webhook"] = _of_url(webhook.url)
    if email is not None:
        server, _, at = email.smarthost.rpartition(":")
        ends["alerts by mail"] = (server, int(at))
    for service, (name, port) in ends.items():
        if name and port <= _HIGHEST_PORT:
            yield Flow(service, ops, (_named(environment, name),), port, "Alertmanager tells people")


def _of_url(url: str) -> tuple[str, int]:
    """Host and port; no host if it cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _SCHEME_PORTS.get(parts.scheme, _HIGHEST_PORT)
    except ValueError:
        return "", 0


def _named(environment: Environment, name: str) -> Party:
    """A declared host if it has this address, another address as it is, or a name that a resolver knows."""
    try:
        address = IPv4Address(name)
    except ValueError:
        return Party.outside(name)
    for host in environment.hosts.values():
        if host.address == address:
            return Party.host(host)
    return Party(name, IPv4Network(address))


def _logs_and_time(environment: Environment) -> Iterator[Flow]:
    kept_on = logs_host(environment)
    if kept_on is not None:
        store = _hosts(environment, [kept_on])
        everyone = _hosts(environment, environment.hosts)
        yield Flow("logs", everyone, store, environment.logs.port, "every host sends what it logs, over TLS")
    # An emulated host has its machine's clock; the ops hosts are the environment's time.
    trading = (name for name in environment.hosts if environment.site_of(name).trading)
    clocks = _hosts(environment, (name for name in trading if not environment.hosts[name].emulated))
    yield Flow("time", clocks, _ops(environment), NTP_PORT, "clocks are the ops site's", Protocol.UDP)


def _management(environment: Environment) -> Iterator[Flow]:
    """What `dingli` does from outside: everything over ssh, but for the audit, which tries each service."""
    people = controllers(environment)
    why = "dingli, Ansible, drills, evidence for witnesses, the controller's copies"
    for site in environment.sites.values():
        hosts = _hosts(environment, (host.name for host in environment.hosts_at(site.name)))
        doors = people if site.bastion is None else (_named(environment, str(site.bastion.address)),)
        yield Flow("ssh", doors, hosts, SSH_PORT, why)
    why, journal = "the audit tries every service as a stranger", environment.journal
    members = _hosts(environment, journal.members)
    yield Flow("journal", people, members, journal.client_port, why)
    yield Flow("journal peers", people, members, journal.peer_port, why)
    for cell in environment.cells.values():
        cores = _hosts(environment, (core.host for core in cell.cores))
        gateways = _hosts(environment, cell.gateways)
        yield Flow(f"core {cell.name}", people, cores, cell.ports.core, why)
        yield Flow(f"core {cell.name} metrics", people, cores, cell.ports.core_metrics, why)
        yield Flow(f"FIX {cell.name}", people, gateways, cell.ports.fix, why)
        yield Flow(f"gateway {cell.name} metrics", people, gateways, cell.ports.gateway_metrics, why)


def _power(environment: Environment) -> Iterator[Flow]:
    """Instances whose power a drill has cut: an ops host lets the cloud start them again when their time is over."""
    drivers = {name for name, driver in environment.power.items() if isinstance(driver, Ec2Power)}
    clouds = [environment.cloud_of(host.site) for host in environment.hosts.values() if host.power in drivers]
    why = "ops hosts give instances their power back after a drill"
    for url in dict.fromkeys(cloud.url for cloud in clouds if cloud is not None):
        name, port = _of_url(url)
        if name and port <= _HIGHEST_PORT:
            yield Flow("power", _ops(environment), (_named(environment, name),), port, why)


def _lines(environment: Environment) -> Iterator[Flow]:
    """Either end may begin: after a fault it is not known which one notices first."""
    for line in site_lines(environment):
        ends = tuple(Party.line_end(end) for end in line.ends)
        why = f"line {line.rank} between {line.ends[0].site} and {line.ends[1].site}"
        yield Flow("IKE", ends, ends, IKE_PORT, f"{why}: gateways agree on keys", Protocol.UDP)
        yield Flow("IPsec in UDP", ends, ends, NAT_PORT, f"{why}: what is sent through it, encrypted", Protocol.UDP)
        yield Flow("IPsec", ends, ends, NO_PORT, f"{why}: what is sent through it, encrypted", Protocol.ESP)


def _also(environment: Environment, extra: ExtraFlow) -> Flow:
    ends = [_end(environment, end) for end in (extra.source, extra.destination)]
    return Flow("also", ends[0], ends[1], extra.port, extra.why, extra.protocol)


def _end(environment: Environment, end: str) -> tuple[Party, ...]:
    """Nobody if it is a host that is declared and not there now."""
    if end in environment.declared.hosts:
        return _hosts(environment, [end])
    return (Party("network", IPv4Network(end)),)
