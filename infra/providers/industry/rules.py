"""Rules of a security group: one peer, one protocol, a range of ports (for ICMP: its type, and its code)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_network
from typing import Any

from infra.providers.base.values import Unknown

__all__ = ["EVERYTHING_OUT", "Rule", "as_permissions", "check_rules", "from_permissions", "normal_rules"]

SELF = "self"
EVERYTHING_OUT: Sequence[Mapping[str, Any]] = ({"protocol": "all", "peer": "0.0.0.0/0"},)
_ALL = "-1"
ESP = "50"
"""IPsec's, which the cloud has no word for."""
_WITHOUT_PORTS = ("all", ESP)
_PROTOCOLS = ("tcp", "udp", "icmp", *_WITHOUT_PORTS)
_KEYS = {"protocol", "from_port", "to_port", "peer", "description"}
_PEERS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")


@dataclass(frozen=True, order=True)
class Rule:
    """`peer` is a network, a group's id, `self` or a prefix list's id. Ports are -1 where every one is meant."""

    protocol: str
    from_port: int
    to_port: int
    peer: str
    description: str = ""

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Rule:
        """From a declared rule that `check_rules` finds nothing wrong with."""
        first = declared.get("from_port", -1)
        last = declared.get("to_port", -1 if declared["protocol"] == "icmp" else first)
        return cls(declared["protocol"], first, last, declared["peer"], declared.get("description", ""))

    @property
    def bare(self) -> Rule:
        """What it allows, whatever it is called."""
        return replace(self, description="")

    def __str__(self) -> str:
        ports = f"{self.from_port}-{self.to_port}" if self.to_port not in (-1, self.from_port) else f"{self.from_port}"
        said = f" ({self.description})" if self.description else ""
        return f"{self.protocol}{f' {ports}' if self.from_port != -1 else ''} {self.peer}{said}"

    def declared(self) -> dict[str, Any]:
        """As a program declares it."""
        return {key: value for key, value in asdict(self).items() if value not in (-1, "")}


def check_rules(value: Any) -> str | None:
    """Every mistake, with the number of its rule."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return f"is {value!r}, expected a list of rules"
    found = [(number, reason) for number, rule in enumerate(value) for reason in _problems(rule)]
    allowed = [_allowed(rule) for rule in value]
    found += [(number, "is there twice") for number, rule in enumerate(allowed) if rule in allowed[:number]]
    return "; ".join(f"[{number}] {reason}" for number, reason in found) or None


def _problems(rule: Any) -> list[str]:
    if isinstance(rule, Unknown):
        return []
    if not isinstance(rule, Mapping):
        return ["expected protocol, from_port, to_port and peer"]
    reasons = [f"{key} is not part of a rule" for key in sorted(rule.keys() - _KEYS)]
    reasons += [f"{key} is missing" for key in ("protocol", "peer") if key not in rule]
    protocol = rule.get("protocol", "tcp")
    if protocol not in _PROTOCOLS and not isinstance(protocol, Unknown):
        reasons.append(f"protocol is {protocol!r}, expected one of {', '.join(_PROTOCOLS)}")
    elif protocol in _WITHOUT_PORTS:
        reasons += [f"{key} does not go with {protocol}" for key in ("from_port", "to_port") if key in rule]
    else:
        reasons += _port_problems(rule)
    said = rule.get("description", "")
    if not isinstance(said, Unknown) and not (isinstance(said, str) and _DESCRIPTION.fullmatch(said)):
        reasons.append(f"description is {said!r}, expected at most 255 letters, digits and simple signs")
    peer = rule.get("peer", SELF)
    return reasons if isinstance(peer, Unknown) or _is_peer(peer) else [*reasons, _peer_problem(peer)]


def _allowed(rule: Any) -> Any:
    return {key: value for key, value in rule.items() if key != "description"} if isinstance(rule, Mapping) else rule


def _port_problems(rule: Mapping[str, Any]) -> list[str]:
    first, last = rule.get("from_port"), rule.get("to_port", rule.get("from_port"))
    if isinstance(first, Unknown) or isinstance(last, Unknown):
        return []
    if rule.get("protocol") == "icmp":
        good = _is_number(rule.get("from_port", -1), -1, 255) and _is_number(rule.get("to_port", -1), -1, 255)
        return [] if good else ["from_port and to_port of icmp are its type and code, -1 to 255"]
    if not (_is_number(first, 0, 65535) and _is_number(last, 0, 65535)):
        return [f"ports are {first!r} to {last!r}, expected from_port (and to_port) from 0 to 65535"]
    return [] if first <= last else [f"from_port {first} is above to_port {last}"]


def _is_number(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


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
    ports = (permission.get("FromPort", -1), permission.get("ToPort", -1))
    first, last = (-1, -1) if protocol in _WITHOUT_PORTS else ports
    for kind, key in _PEERS.items():
        for one in permission.get(kind, []):
            peer = SELF if one[key] == own_id else one[key]
            yield Rule(protocol, first, last, peer, one.get("Description", ""))


def as_permissions(rules: Iterable[Rule], own_id: str) -> Any:
    """For the calls that authorize and revoke."""
    return [_permission(rule, own_id) for rule in sorted(rules)]


def _permission(rule: Rule, own_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"IpProtocol": _ALL if rule.protocol == "all" else rule.protocol}
    if rule.protocol != "all":  # -1 for ESP: not every cloud takes a rule of a protocol without ports that names none
        found |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    kind = _kind_of(rule.peer)
    peer = {_PEERS[kind]: own_id if rule.peer == SELF else rule.peer}
    return {**found, kind: [{**peer, "Description": rule.description} if rule.description else peer]}


def _kind_of(peer: str) -> str:
    if peer == SELF or peer.startswith("sg-"):
        return "UserIdGroupPairs"
    if peer.startswith("pl-"):
        return "PrefixListIds"
    return "Ipv6Ranges" if ":" in peer else "IpRanges"
