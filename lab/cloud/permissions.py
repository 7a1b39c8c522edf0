"""From moto's security groups to what the filters take: names of groups become the addresses of their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from moto.ec2.models.security_groups import SecurityGroupRule

from lab.cloud.backend import CloudBackend
from lab.cloud.filters import GuestFilter, Permission
from lab.cloud.ways import ways

__all__ = ["guest_filters"]

Members = Mapping[str, list[str]]


def guest_filters(backend: CloudBackend) -> tuple[GuestFilter, ...]:
    """One for each instance that has an address, running or not: a filter is there before its guest is."""
    reached = ways(backend).reached
    groups = {name: list(backend.get_instance(name).nics[0].group_set) for name in backend.guests}
    members: dict[str, list[str]] = defaultdict(list)
    for name, found in groups.items():
        for group in found:
            members[group.id].append(f"{backend.guests[name].host.address}/32")
    return tuple(
        GuestFilter(
            address=guest.host.address,
            port=guest.host.port,
            ingress=tuple(
                _permission(backend, rule, members) for group in groups[name] for rule in group.ingress_rules
            ),
            egress=tuple(_permission(backend, rule, members) for group in groups[name] for rule in group.egress_rules),
            forwards=backend.forwards(name),
            routed=tuple(one.address for one in reached if one.via == guest.host.address),
        )
        for name, guest in backend.guests.items()
    )


def _permission(backend: CloudBackend, rule: SecurityGroupRule, members: Members) -> Permission:
    peers = [*_networks(backend, rule), *members.get(rule.source_group.get("GroupId", ""), [])]
    return Permission(rule.ip_protocol or "-1", rule.from_port, rule.to_port, tuple(sorted(peers)))


def _networks(backend: CloudBackend, rule: SecurityGroupRule) -> Iterable[str]:
    """Those of the rule itself, and of the prefix list it names, as that list is now."""
    if rule.cidr_ipv4:
        yield rule.cidr_ipv4
    found = backend.managed_prefix_lists.get(rule.prefix_list_id or "")
    for entry in (found.entries.get(found.version or 0) or []) if found else []:
        yield entry["Cidr"]
