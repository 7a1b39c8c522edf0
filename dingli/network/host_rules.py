"""What of the flows concerns one host: whom it lets in, and whom it may ask. Packet filters are made of this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Any

from dingli.environment import Environment, Protocol
from dingli.environment.lines import line_addresses, protected
from dingli.environment.once import once
from dingli.network.derivation import SSH_PORT, controllers, flows
from dingli.network.flow import Flow, Party

__all__ = ["HostRules", "Rule", "firewall_variables", "host_rules"]

_COMMENT_BYTES = 120  # nft takes 128


@dataclass(frozen=True)
class Rule:
    """New connections with `peers` are good; from them, or to them."""

    service: str
    protocol: Protocol
    port: int
    own: IPv4Address
    peers: tuple[IPv4Network, ...]
    why: str


@dataclass(frozen=True)
class HostRules:
    """Of one host."""

    address: IPv4Address
    inbound: tuple[Rule, ...]
    outbound: tuple[Rule, ...]
    echo_from: tuple[IPv4Network, ...]
    """Who may ping it."""
    forwarded: tuple[tuple[IPv4Network, IPv4Network], ...] = ()
    """Of an IPsec gateway: its site's network, and one that it reaches through lines."""


def host_rules(environment: Environment, host: str) -> HostRules:
    """Rules in the order of the flows. They are for all hosts that are declared, so that a site that is called finds
    them in place: nobody's filter changes with it."""
    environment = environment.declared
    address = environment.hosts[host].address
    inbound, outbound = [], []
    owns = (address, *line_addresses(environment, host))
    all_flows, destinations, sources = flows(environment), _destinations(environment), _sources(environment)
    for number, own in destinations.numbers(owns):
        inbound += _rule(all_flows[number], own, sources.peers(number, own))
    for number, own in sources.numbers(owns):
        outbound += _rule(all_flows[number], own, destinations.peers(number, own))
    pinging = tuple(party.network for party in controllers(environment))
    return HostRules(address, tuple(inbound), tuple(outbound), pinging, protected(environment, host))


def firewall_variables(environment: Environment, host: str) -> dict[str, Any]:
    """What the role `firewall` is told: `dingli_firewall`; of lines only where there are some."""
    rules = host_rules(environment, host)
    forwarded = [{"own": str(own), "other": str(other)} for own, other in rules.forwarded]
    return {
        "address": str(rules.address),
        "inbound": [_inbound(rule, rules.address) for rule in rules.inbound],
        "outbound": [_plain(rule) for rule in rules.outbound],
        "echo_from": [str(network) for network in rules.echo_from],
        **({"forward": forwarded} if forwarded else {}),
    }


class _Ends:
    """One end of every flow: which flows have an address there, without asking each about each host, and who else."""

    def __init__(self, ends: Iterable[Iterable[Party]]) -> None:
        self._all: list[set[IPv4Network]] = []
        self._collapsed: dict[int, tuple[IPv4Network, ...]] = {}
        self._hosts: dict[IPv4Address, list[int]] = {}
        self._networks: dict[IPv4Network, list[int]] = {}
        for number, parties in enumerate(ends):
            self._all.append({party.network for party in parties})
            for network in {party.network for party in parties if not party.is_outside}:
                if network.num_addresses == 1:
                    self._hosts.setdefault(network.network_address, []).append(number)
                else:
                    self._networks.setdefault(network, []).append(number)

    def numbers(self, addresses: Sequence[IPv4Address]) -> list[tuple[int, IPv4Address]]:
        """The flows' places, in their order, and which of a host's addresses is there."""
        found = {
            (number, place)
            for place, address in enumerate(addresses)
            for number in (*self._hosts.get(address, ()), *self._around(address))
        }
        return [(number, addresses[place]) for number, place in sorted(found)]

    def _around(self, address: IPv4Address) -> Iterator[int]:
        for network, numbers in self._networks.items():
            if address in network:
                yield from numbers

    def peers(self, number: int, address: IPv4Address) -> tuple[IPv4Network, ...]:
        """Who is at this end of a flow, but for the host itself; what follows from the flow alone is found once."""
        own, networks = IPv4Network(address), self._all[number]
        if own in networks:
            return tuple(collapse_addresses(networks - {own}))
        if number not in self._collapsed:
            self._collapsed[number] = tuple(collapse_addresses(networks))
        return self._collapsed[number]


@once
def _destinations(environment: Environment) -> _Ends:
    return _Ends(flow.destinations for flow in flows(environment))


@once
def _sources(environment: Environment) -> _Ends:
    return _Ends(flow.sources for flow in flows(environment))


def _rule(flow: Flow, own: IPv4Address, peers: tuple[IPv4Network, ...]) -> list[Rule]:
    """One rule; none if nobody but the host itself is meant."""
    return [Rule(flow.service, flow.protocol, flow.port, own, peers, flow.why)] if peers else []


def _inbound(rule: Rule, address: IPv4Address) -> dict[str, Any]:
    # A machine that was given another address is still reached, to be told.
    found = _plain(rule) | {"any_address": rule.port == SSH_PORT}
    return found if rule.own == address else found | {"own": str(rule.own)}


def _plain(rule: Rule) -> dict[str, Any]:
    return {
        "protocol": rule.protocol.value,
        "port": rule.port,
        "peers": [str(network) for network in rule.peers],
        "comment": _comment(f"{rule.service}: {rule.why}"),
    }


def _comment(text: str) -> str:
    """As nft takes it between quotation marks, and Ansible without looking for expressions in it."""
    plain = re.sub(r"[^\w .,:;()/+'-]", "", text)
    return plain.encode()[:_COMMENT_BYTES].decode(errors="ignore")
