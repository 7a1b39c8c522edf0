"""Rules of a security group: one peer, one protocol, a range of ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from typing import Any

from infra.providers.base.values import Unknown

__all__ = ["EVERYTHING_OUT", "RULES", "Rule", "as_permissions", "check_rules", "from_permissions", "normal_rules"]

RULES: Mapping[str, Any] = {
    "type": "array",
    "items": {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}},
}
SELF = "self"
EVERYTHING_OUT: Sequence[Mapping[str, Any]] = ({"protocol": "all", "peer": "0.0.0.0/0"},)
_ALL = "-1"
_PORTLESS = ("all", "icmp")
_KEYS = {"protocol", "from_port", "to_port", "peer"}


@dataclass(frozen=True, order=True)
class Rule:
    """`peer` is a network, a group's id, `self` or a prefix list's id. Ports are -1 where they do not count."""

    protocol: str
    from_port: int
    to_port: int
    peer: str

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Rule:
        """From a declared rule that `check_rules` finds nothing wrong with."""
        first = declared.get("from_port", -1)
        return cls(declared["protocol"], first, declared.get("to_port", first), declared["peer"])

    def __str__(self) -> str:
        ports = "" if self.from_port == -1 else f" {self.from_port}"
        return f"{self.protocol}{ports}{f'-{self.to_port}' if self.to_port != self.from_port else ''} {self.peer}"

    def declared(self) -> dict[str, Any]:
        """As a program declares it."""
        return {key: value for key, value in asdict(self).items() if value != -1}


def check_rules(value: Any) -> str | None:
    """Every mistake, with the number of its rule."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return f"is {value!r}, expected a list of rules"
    found = [(number, reason) for number, rule in enumerate(value) for reason in _problems(rule)]
    found += [(number, "is there twice") for number, rule in enumerate(value) if rule in value[:number]]
    return "; ".join(f"[{number}] {reason}" for number, reason in found) or None


def _problems(rule: Any) -> list[str]:
    if isinstance(rule, Unknown):
        return []
    if not isinstance(rule, Mapping):
        return ["expected protocol, from_port, to_port and peer"]
    reasons = [f"{key} is not part of a rule" for key in sorted(rule.keys() - _KEYS)]
    reasons += [f"{key} is missing" for key in ("protocol", "peer") if key not in rule]
    protocol = rule.get("protocol", "tcp")
    if protocol not in ("tcp", "udp", *_PORTLESS, None) and not isinstance(protocol, Unknown):
        reasons.append(f"protocol is {protocol!r}, expected tcp, udp, icmp or all")
    elif protocol in _PORTLESS:
        reasons += [f"{key} does not go with {protocol}" for key in ("from_port", "to_port") if key in rule]
    else:
        reasons += _port_problems(rule)
    peer = rule.get("peer", SELF)
    return reasons if isinstance(peer, Unknown) or _is_peer(peer) else [*reasons, _peer_problem(peer)]


def _port_problems(rule: Mapping[str, Any]) -> list[str]:
    first, last = rule.get("from_port"), rule.get("to_port", rule.get("from_port"))
    if isinstance(first, Unknown) or isinstance(last, Unknown):
        return []
    if not (_is_port(first) and _is_port(last)):
        return [f"ports are {first!r} to {last!r}, expected from_port (and to_port) from 0 to 65535"]
    return [] if first <= last else [f"from_port {first} is above to_port {last}"]


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535


def _is_peer(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if value == SELF or value.startswith(("sg-", "pl-")):
        return True
    try:
        return "/" in value and ip_network(value) is not None
    except ValueError:
        return False


def _peer_problem(value: Any) -> str:
    return f"peer is {value!r}, expected a network such as 10.0.0.0/16, a group's id (sg-…), a prefix list's or self"


def normal_rules(value: Any) -> list[Rule]:
    """In one order, whatever the declared one."""
    return sorted({Rule.of(rule) for rule in value})


def from_permissions(permissions: Iterable[Mapping[str, Any]], own_id: str) -> list[dict[str, Any]]:
    """What a description of the cloud says, as declared rules."""
    return [rule.declared() for rule in sorted(rule for one in permissions for rule in _rules_of(one, own_id))]


def _rules_of(permission: Mapping[str, Any], own_id: str) -> Iterable[Rule]:
    protocol = "all" if permission["IpProtocol"] == _ALL else str(permission["IpProtocol"])
    peers = [one["CidrIp"] for one in permission.get("IpRanges", [])]
    peers += [one["CidrIpv6"] for one in permission.get("Ipv6Ranges", [])]
    peers += [one["PrefixListId"] for one in permission.get("PrefixListIds", [])]
    groups = [one["GroupId"] for one in permission.get("UserIdGroupPairs", [])]
    peers += [SELF if group == own_id else group for group in groups]
    first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
    if protocol in _PORTLESS:
        first = last = -1
    return [Rule(protocol, first, last, peer) for peer in peers]


def as_permissions(rules: Iterable[Rule], own_id: str) -> Any:
    """For the calls that authorize and revoke."""
    return [_permission(rule, own_id) for rule in sorted(rules)]


def _permission(rule: Rule, own_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"IpProtocol": _ALL if rule.protocol == "all" else rule.protocol}
    if rule.protocol != "all":
        found |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    if rule.peer == SELF or rule.peer.startswith("sg-"):
        return {**found, "UserIdGroupPairs": [{"GroupId": own_id if rule.peer == SELF else rule.peer}]}
    if rule.peer.startswith("pl-"):
        return {**found, "PrefixListIds": [{"PrefixListId": rule.peer}]}
    if ":" in rule.peer:
        return {**found, "Ipv6Ranges": [{"CidrIpv6": rule.peer}]}
    return {**found, "IpRanges": [{"CidrIp": rule.peer}]}
