"""The journal's members as etcd, its clients and its operators need them."""

from __future__ import annotations

from dingli.environment.model import Environment

__all__ = ["client_endpoints", "client_url", "initial_cluster", "peer_url", "same_city_members"]


def peer_url(environment: Environment, member: str) -> str:
    """Where other members reach `member`."""
    return f"https://{environment.hosts[member].address}:{environment.journal.peer_port}"


def client_url(environment: Environment, member: str) -> str:
    """Where cores and gateways reach `member`."""
    return f"https://{environment.hosts[member].address}:{environment.journal.client_port}"


def initial_cluster(environment: Environment) -> str:
    """etcd's `initial-cluster`; members are named like their hosts."""
    return ",".join(f"{member}={peer_url(environment, member)}" for member in environment.journal.members)


def client_endpoints(environment: Environment, host: str) -> tuple[str, ...]:
    """The members' client URLs as `host` prefers them: own site, same city, elsewhere; then as in the file."""
    here = environment.site_of(host)

    def distance(member: str) -> int:
        there = environment.site_of(member)
        return 0 if there.name == here.name else 1 if there.city == here.city else 2

    return tuple(client_url(environment, member) for member in sorted(environment.journal.members, key=distance))


def same_city_members(environment: Environment, host: str) -> tuple[str, ...]:
    """Members at *other* sites of the host's city: where etcd's leader belongs while the active core is on `host`."""
    here = environment.site_of(host)
    sites = {member: environment.site_of(member) for member in environment.journal.members}
    return tuple(name for name, there in sites.items() if there.city == here.city and there.name != here.name)
