"""No machine of the industry cloud lets the whole world in by SSH."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from infra.policies.rule import GBT_22239, UNKNOWN, Breach, Clause, Resource, Rule
from infra.providers.industry.labels import SECURITY_GROUP

__all__ = ["NO_OPEN_SSH"]

_SSH = 22
_EVERYBODY_4 = IPv4Network("0.0.0.0/0")
_EVERYBODY_6 = IPv6Network("2000::/3")  # every public address of version 6; ::/0 is around it


def _judge(resource: Resource) -> Iterator[Breach]:
    """Networks that are the whole only together, such as 0.0.0.0/1 and 128.0.0.0/1, are seen as the whole."""
    rules = resource.inputs.get("ingress") or []
    if rules is UNKNOWN:
        return
    letting_in = [rule for rule in rules if isinstance(rule, Mapping) and _admits_ssh(rule)]
    networks = {rule["peer"]: _network(rule["peer"]) for rule in letting_in if isinstance(rule.get("peer"), str)}
    of_4 = {peer: one for peer, one in networks.items() if isinstance(one, IPv4Network)}
    of_6 = {peer: one for peer, one in networks.items() if isinstance(one, IPv6Network)}
    open_4 = any(one == _EVERYBODY_4 for one in collapse_addresses(of_4.values()))
    open_6 = any(one.supernet_of(_EVERYBODY_6) for one in collapse_addresses(of_6.values()))
    for peers, is_open in ((of_4, open_4), (of_6, open_6)):
        if is_open:
            yield Breach(
                f"port {_SSH} is open to {' and '.join(peers)}: {'; '.join(_said(letting_in, peers))}",
                "SSH from the networks of the operators only",
                f"name their networks as `peer`; a range of ports or `protocol: all` has port {_SSH} in it, too",
            )


def _admits_ssh(rule: Mapping[str, Any]) -> bool:
    if rule.get("protocol") == "all":
        return True
    first = rule.get("from_port")
    last = rule.get("to_port", first)
    if rule.get("protocol") != "tcp" or not isinstance(first, int) or not isinstance(last, int):
        return False
    return first <= _SSH <= last


def _network(peer: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(peer, strict=False)
    except ValueError:
        return None  # a group, a prefix list, or what the provider refuses


def _said(rules: list[Mapping[str, Any]], peers: Mapping[str, Any]) -> Iterator[str]:
    for rule in rules:
        if rule.get("peer") in peers:
            ports = [rule[key] for key in ("from_port", "to_port") if key in rule]
            yield " ".join([str(rule["protocol"]), *(["-".join(map(str, ports))] if ports else []), str(rule["peer"])])


NO_OPEN_SSH = Rule(
    "no-open-ssh",
    "No security group lets everybody in by SSH",
    (Clause(GBT_22239, "8.1.3.2.a", "默认拒绝"), Clause(GBT_22239, "8.2.3.1.a", "虚拟网络边界访问控制")),
    frozenset({SECURITY_GROUP}),
    _judge,
)
