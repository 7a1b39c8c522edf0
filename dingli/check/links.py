"""Round trips between sites, from host to host, on ports of declared flows: others are filtered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from dingli.check.contact import Seen
from dingli.check.facts import Peer
from dingli.check.finding import Finding, State
from dingli.environment import Environment, Protocol
from dingli.network import flows

__all__ = ["judge", "peers", "speakers"]


def speakers(environment: Environment) -> dict[str, str]:
    """The host that measures for each site: a member of the journal if there is one, and none that is emulated."""
    members = environment.journal.members
    chosen = {}
    for site in environment.sites:
        hosts = sorted(environment.hosts_at(site), key=lambda host: (host.emulated, host.name not in members))
        if hosts:
            chosen[site] = hosts[0].name
    return chosen


def peers(environment: Environment, host: str) -> list[Peer]:
    """To whom `host` measures: the other sites' speakers as far as it has a flow to them, if it speaks for its own."""
    chosen = speakers(environment)
    if host not in chosen.values():
        return []
    ports = _declared_ports(environment, host)
    return [
        Peer(
            other,
            str(environment.hosts[other].address),
            ports[environment.hosts[other].address],
        )
        for other in chosen.values()
        if other != host and environment.hosts[other].address in ports
    ]


def _declared_ports(environment: Environment, host: str) -> dict[IPv4Address, int]:
    """The TCP port of the first flow from `host` to each other host; between members of the journal, their own."""
    here, members = environment.hosts[host].address, environment.journal.members
    ports: dict[IPv4Address, int] = {}
    if host in members:
        ports |= {environment.hosts[name].address: environment.journal.peer_port for name in members}
    for flow in flows(environment):
        if flow.protocol is Protocol.TCP and any(party.includes(here) for party in flow.sources):
            for party in flow.destinations:
                ports.setdefault(party.network.network_address, flow.port)
    return ports


def judge(environment: Environment, seen: Mapping[str, Seen], bound: tuple[float, str]) -> Iterator[Finding]:
    """One finding per direction between two sites. Sites without trading (ops) are measured, and not bounded."""
    longest_ms, why = bound
    for here, speaker in speakers(environment).items():
        facts = seen[speaker].facts
        for peer in peers(environment, speaker):
            there = environment.site_of(peer.host)
            subject = f"{here} to {there.name}"
            trip = facts.round_trips.get(peer.host) if facts is not None else None
            if facts is None:
                yield Finding(subject, "round trip", State.UNKNOWN, f"{speaker} could not be asked")
            elif trip is None or trip.ms is None:
                yield _silent(subject, speaker, peer, trip.trouble if trip and trip.trouble else "no answer")
            elif trip.ms > longest_ms and environment.sites[here].trading and there.trading:
                remedy = (
                    "see the route between the sites; or raise what bounds it, knowing that a takeover takes longer"
                )
                expected = f"at most {longest_ms:g} ms, {why}"
                yield Finding(subject, "round trip", State.FAILED, f"{trip.ms:.1f} ms", expected, remedy)
            else:
                yield Finding(subject, "round trip", State.GOOD, f"{trip.ms:.1f} ms")


def _silent(subject: str, speaker: str, peer: Peer, trouble: str) -> Finding:
    return Finding(
        subject,
        "round trip",
        State.UNKNOWN,
        f"{trouble} from {peer.host} ({peer.address}) at port {peer.port}, asked by {speaker}",
        "an answer, or a refusal",
        f"see whether {peer.host} is up, and whether a firewall between the sites drops port {peer.port}",
    )
