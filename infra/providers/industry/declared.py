"""Inputs of a cloud's resources that follow from the environment."""

from __future__ import annotations

from typing import Any

from dingli.environment import Environment, SiteCloud
from dingli.environment.levels import bucket_of, host_level
from dingli.environment.lines import ipsec_gateways
from dingli.exceptions import InputError
from dingli.network import security_group_rules
from infra.providers.industry.labels import DATA_LEVEL, HOLDS, OWNER

__all__ = [
    "forwarding_inputs",
    "group_inputs",
    "image_inputs",
    "instance_inputs",
    "provider_inputs",
    "resource_tags",
]

_NAME = "Name"  # by which consoles show a machine, and a power driver `ec2` finds it
_OF_RULES = ("protocol", "from_port", "to_port", "description")


def group_inputs(environment: Environment, host: str) -> dict[str, Any]:
    """`name`, `ingress` and `egress` of a host's SecurityGroup: the connections that it needs, and no others."""
    rules: dict[str, list[dict[str, Any]]] = {"ingress": [], "egress": []}
    for found in security_group_rules(environment, host):
        rule = {"peer": found["cidr"], **{name: found[name] for name in _OF_RULES}}
        rules[found["direction"]].append({name: value for name, value in rule.items() if value not in ("", -1)})
    return {"name": f"{environment.name}-{host}", **rules}


def resource_tags(environment: Environment, *, host: str | None = None, bucket: str | None = None) -> dict[str, str]:
    """The tags that infra/policies asks for: of everything its owner, of a host's machine and disks the data level, of
    a bucket that and what it holds. Raises `InputError` for what the file does not declare."""
    if environment.owner is None:
        raise InputError(
            f"the environment {environment.name} declares no owner",
            "the team or cost centre that answers for what is on a cloud",
            "declare `owner` in its file",
        )
    tags = {OWNER: environment.owner}
    if host is not None:
        if host not in environment.hosts:
            raise InputError(f"the host {host!r}", f"one of {', '.join(environment.hosts)}", "correct the program")
        tags[DATA_LEVEL] = str(host_level(environment, host))
    if bucket is not None:
        declared = bucket_of(environment, bucket)
        tags |= {DATA_LEVEL: str(declared.data_level), HOLDS: declared.holds.value}
    return tags


def provider_inputs(environment: Environment, site: str) -> dict[str, str]:
    """The configuration of the provider for a site's cloud."""
    cloud = _cloud(environment, site)
    found = cloud.model_dump(
        include={"region", "endpoint", "ca_file", "profile", "credentials_file"}, exclude_none=True
    )
    return {"environment": environment.name, **found}


def image_inputs(environment: Environment, host: str) -> dict[str, Any]:
    """Which Image a host is made from."""
    declared, cloud = environment.hosts[host], _cloud(environment, environment.hosts[host].site)
    name, owners = cloud.image(declared.os), list(cloud.image_owners)
    return {"name": name, "architecture": declared.arch.value, "owners": owners}


def instance_inputs(environment: Environment, host: str) -> dict[str, Any]:
    """What the file says of a host's Instance; image, subnet, group and key are other resources'."""
    declared = environment.hosts[host]
    cloud = _cloud(environment, declared.site)
    accepted = {"accept_replacement": declared.accept_replacement} if declared.accept_replacement else {}
    return {
        **accepted,
        "architecture": declared.arch.value,
        "instance_type": declared.instance_type or cloud.instance_type(declared.arch),
        "private_address": str(declared.address),
        "tags": {**resource_tags(environment, host=host), _NAME: host},
    }


def forwarding_inputs(environment: Environment, host: str) -> dict[str, Any]:
    """More of an Instance that is a gateway of lines: the cloud passes on what it forwards."""
    return {"source_dest_check": False} if host in ipsec_gateways(environment) else {}


def _cloud(environment: Environment, site: str) -> SiteCloud:
    found = environment.cloud_of(site)
    if found is None:
        raise InputError(f"the site {site} has no cloud", "`cloud` on the site", "correct the environment file")
    return found
