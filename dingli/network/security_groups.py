"""The flows as an EC2-compatible cloud's security groups have them: one group per host, as plain data."""

from __future__ import annotations

import re
from typing import Any

from dingli.environment import Environment, Protocol
from dingli.network.host_rules import Rule, host_rules

__all__ = ["security_group_inputs", "security_group_rules"]

_DESCRIPTION_LENGTH = 255
_ECHO_REQUEST, _ALL_CODES = 8, -1  # where ports stand for others, ICMP has its type and code
_ALL, _ESP, _ALL_PORTS = "all", "50", -1


def security_group_rules(environment: Environment, host: str) -> list[dict[str, Any]]:
    """`{protocol, from_port, to_port, cidr, direction, description}` each; `direction` is ingress or egress.

    Groups are stateful as the packet filters are: answers need no rule.
    """
    rules = host_rules(environment, host)
    found = [
        _entry("icmp", _ECHO_REQUEST, _ALL_CODES, str(network), "ingress", "ping from controllers")
        for network in rules.echo_from
    ]
    found += [entry for rule in rules.inbound for entry in _entries(rule, "ingress")]
    found += [entry for rule in rules.outbound for entry in _entries(rule, "egress")]
    # The cloud sees what comes to a gateway from its own site, and what it hands over there; the rest is in lines.
    found += [
        _entry(_ALL, _ALL_PORTS, _ALL_PORTS, str(own), direction, f"a gateway forwards for {own}")
        for own in dict.fromkeys(own for own, _ in rules.forwarded)
        for direction in ("ingress", "egress")
    ]
    return list({tuple(list(entry.values())[:5]): entry for entry in reversed(found)}.values())[::-1]


def security_group_inputs(environment: Environment, host: str) -> dict[str, list[dict[str, Any]]]:
    """`ingress` and `egress` as an `industry:SecurityGroup` takes them."""
    found: dict[str, list[dict[str, Any]]] = {"ingress": [], "egress": []}
    for one in security_group_rules(environment, host):
        ports = (
            {}
            if one["from_port"] == _ALL_PORTS or one["protocol"] == "icmp"
            else {"from_port": one["from_port"], "to_port": one["to_port"]}
        )
        found[one["direction"]].append({"protocol": one["protocol"], **ports, "peer": one["cidr"]})
    return found


def _entries(rule: Rule, direction: str) -> list[dict[str, Any]]:
    said = f"{rule.service}: {rule.why}"
    if rule.protocol is Protocol.ESP:
        return [_entry(_ESP, _ALL_PORTS, _ALL_PORTS, str(cidr), direction, said) for cidr in rule.peers]
    port = rule.port
    return [_entry(rule.protocol.value, port, port, str(cidr), direction, said) for cidr in rule.peers]


def _entry(protocol: str, first: int, last: int, cidr: str, direction: str, said: str) -> dict[str, Any]:
    """The cloud refuses a rule a second time, and other characters in a description."""
    return {
        "protocol": protocol,
        "from_port": first,
        "to_port": last,
        "cidr": cidr,
        "direction": direction,
        "description": re.sub(r"[^A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]", "", said)[:_DESCRIPTION_LENGTH],
    }
