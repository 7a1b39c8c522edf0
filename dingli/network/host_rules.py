"""What of the flows concerns one host: whom it lets in, and whom it may ask. Packet filters are made of this."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Any

from dingli.environment import Environment, Protocol
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


def host_rules(environment: Environment, host: str) -> HostRules:
    """Rules in the order of the flows."""
    address = environment.hosts[host].address
    inbound, outbound = [], []
    for flow in flows(environment):
        if any(party.includes(address) for party in flow.destinations):
            inbound += _rule(flow, flow.sources, address)
        if any(party.includes(address) for party in flow.sources):
            outbound += _rule(flow, flow.destinations, address)
    pinging = tuple(party.network for party in controllers(environment))
    return HostRules(address, tuple(inbound), tuple(outbound), pinging)


def firewall_variables(environment: Environment, host: str) -> dict[str, Any]:
    """What the role `firewall` is told: `dingli_firewall`."""
    rules = host_rules(environment, host)
    return {
        "address": str(rules.address),
        # A machine that was given another address is still reached, to be told.
        "inbound": [_plain(rule) | {"any_address": rule.port == SSH_PORT} for rule in rules.inbound],
        "outbound": [_plain(rule) for rule in rules.outbound],
        "echo_from": [str(network) for network in rules.echo_from],
    }


def _rule(flow: Flow, parties: Iterable[Party], address: IPv4Address) -> list[Rule]:
    """One rule; none if nobody but the host itself is meant."""
    networks = (party.network for party in parties if party.network != IPv4Network(address))
    peers = tuple(collapse_addresses(networks))
    return [Rule(flow.service, flow.protocol, flow.port, peers, flow.why)] if peers else []


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
