"""What of the flows concerns one host: whom it lets in, and whom it may ask. Packet filters are made of this."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Any

from dingli.environment import Environment, Protocol
from dingli.environment.lines import line_addresses, protected
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
    """Rules in the order of the flows."""
    address = environment.hosts[host].address
    inbound, outbound = [], []
    for flow in flows(environment):
        for own in (address, *line_addresses(environment, host)):
            if any(party.includes(own) for party in flow.destinations):
                inbound += _rule(flow, flow.sources, own)
            if any(party.includes(own) for party in flow.sources):
                outbound += _rule(flow, flow.destinations, own)
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


def _rule(flow: Flow, parties: Iterable[Party], address: IPv4Address) -> list[Rule]:
    """One rule; none if nobody but the host itself is meant."""
    networks = (party.network for party in parties if party.network != IPv4Network(address))
    peers = tuple(collapse_addresses(networks))
    return [Rule(flow.service, flow.protocol, flow.port, address, peers, flow.why)] if peers else []


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
