"""Sites of an industry's cloud: what their stacks need to make machines, and what cannot be known before."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.model import Host, Site
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = [
    "machines_are_not_known_before",
    "networks_fit_a_cloud",
    "sites_have_a_cloud",
    "somebody_answers",
]

_SHORTEST, _LONGEST = 16, 28  # prefixes of networks and subnets, as EC2 takes them
_RESERVED = 4  # the first addresses of a subnet are the cloud's


def sites_have_a_cloud(draft: Draft) -> Iterator[Problem]:
    """A site of instances says of which cloud; a site of racks names none."""
    for site in draft.environment.sites.values():
        place = ("sites", site.name, "cloud")
        if not draft.intact(*place) or not draft.intact("sites", site.name, "hosting"):
            continue
        if site.made and draft.environment.cloud_of(site.name) is None and draft.intact("cloud"):
            expected = "`cloud: {region: …}` on the site (in a lab, its own: `cloud: {address: …}` of the file)"
            yield draft.problem(("sites", site.name), "hosting industry, and no cloud to make its machines", expected)
        if not site.made and site.cloud is not None:
            yield draft.problem(place, "a cloud on a site of racks", "`hosting: industry`, or no `cloud`")


def networks_fit_a_cloud(draft: Draft) -> Iterator[Problem]:
    """The site's network is one of a cloud; no host has an address that the cloud keeps for itself."""
    for site in _made(draft):
        if not _SHORTEST <= site.network.prefixlen <= _LONGEST:
            expected = f"a network of a cloud: from /{_SHORTEST} to /{_LONGEST}"
            yield draft.problem(("sites", site.name, "network"), str(site.network), expected)
            continue
        for host in _hosts(draft, site):
            if 0 < int(host.address) - int(site.network.network_address) < _RESERVED:
                found = f"{host.address}, which clouds keep for themselves"
                expected = f"{site.network[_RESERVED]} or higher"
                yield draft.problem(("hosts", host.name, "address"), found, expected)


def somebody_answers(draft: Draft) -> Iterator[Problem]:
    """Everything on a cloud is tagged with who is charged for it."""
    made = [site.name for site in _made(draft)]
    if made and draft.environment.owner is None and draft.intact("owner"):
        found = f"no `owner`, and instances at {', '.join(made)}"
        yield draft.problem(("sites", made[0], "hosting"), found, "`owner:` with the team or cost centre that pays")


def machines_are_not_known_before(draft: Draft) -> Iterator[Problem]:
    """Keys and ids of instances are found out when they are made; sizes are an instance's only."""
    for host in draft.environment.hosts.values():
        site = draft.environment.sites.get(host.site)
        if site is None or not draft.intact("sites", site.name, "hosting"):
            continue
        if not site.made and host.instance_type is not None:
            found = f"a size, on {site.name!r}, a site of racks"
            yield draft.problem(("hosts", host.name, "instance_type"), found, "`hosting: industry` on the site")
        for key in ("host_key_sha256", "machine_id") if site.made else ():
            if getattr(host, key) is not None:
                found = f"{key} of a machine that {draft.environment.name}-{site.name} makes"
                expected = "no such key: its console tells it"
                yield draft.problem(("hosts", host.name, key), found, expected)


def _made(draft: Draft) -> Iterator[Site]:
    return (site for site in draft.environment.sites.values() if site.made)


def _hosts(draft: Draft, site: Site) -> tuple[Host, ...]:
    return draft.environment.hosts_at(site.name)
