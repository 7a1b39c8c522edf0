"""The inputs of a deployment:Deployment, derived from the environment: the same for the program and for an import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dingli import ssh
from dingli.environment import Environment, load, project_root
from dingli.environment.levels import group_level
from dingli.environment.once import once
from dingli.stacks.artifacts import artifacts
from dingli.stacks.secret_digests import secret_digests
from dingli.stacks.variables import (
    cell_variables,
    common_variables,
    host_variables,
    known_groups,
)
from infra.providers.base.exceptions import ProviderError
from infra.providers.deployment.content import Plays
from infra.providers.deployment.packing import packed
from infra.providers.rack.declared import host_inputs
from infra.providers.rack.machine import gather

__all__ = [
    "SHARED_GROUPS",
    "DeploymentScope",
    "deployment_inputs",
    "import_inputs",
    "name_of",
    "resource_id_of",
    "scopes",
]

SHARED_GROUPS = ("base", "ipsec", "journal", "ops")
"""The groups of a site that are of no one cell, in the order in which they build on each other."""
_PLAYBOOK = "roles/site.yml"


class DeploymentScope:
    """One role group of a site, or of a cell's share at a site."""

    def __init__(self, environment: Environment, site: str, group: str, cell: str | None = None) -> None:
        self.environment, self.site, self.group, self.cell = environment, site, group, cell

    @property
    def name(self) -> str:
        """`base`, or with a cell `core-alpha`."""
        return self.group if self.cell is None else f"{self.group}-{self.cell}"

    @property
    def hosts(self) -> list[str]:
        """The site's hosts that are in the group, and there now."""
        return [host for host in self.declared_hosts if host in self.environment.hosts]

    @property
    def declared_hosts(self) -> list[str]:
        """With those that exist only while the site is called: what all hosts are told must not change with a call."""
        declared = self.environment.declared
        here = [host.name for host in declared.hosts_at(self.site)]
        if self.cell is None:
            members = set(known_groups(declared).get(self.group, ()))
        else:
            cell = declared.cells[self.cell]
            members = {core.host for core in cell.cores} if self.group == "core" else set(cell.gateways)
        return [host for host in here if host in members]


def scopes(environment: Environment, site: str) -> list[DeploymentScope]:
    """Every Deployment of a site, in the order in which they build on each other."""
    found = [DeploymentScope(environment, site, group) for group in SHARED_GROUPS]
    for cell in environment.cells:
        found += [DeploymentScope(environment, site, group, cell) for group in ("core", "gateway")]
    targeted = _plays(environment).targeted
    return [scope for scope in found if scope.group in targeted and scope.hosts]


def deployment_inputs(scope: DeploymentScope, machine_ids: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs; `machine_ids` by host, possibly not known yet."""
    environment, hosts, all_hosts = scope.environment, scope.hosts, scope.declared_hosts
    declared = environment.declared
    cell = declared.cells[scope.cell] if scope.cell else None
    named = _plays(environment).named_variables(scope.group)
    inputs: dict[str, Any] = {
        "environment": environment.name,
        "site": scope.site,
        "group": scope.group,
        "cell": scope.cell,
        "hosting": environment.sites[scope.site].hosting.value,
        "data_level": group_level(declared, scope.group, all_hosts),
        "playbook": _PLAYBOOK,
        "hosts": {
            name: {
                "address": str(environment.hosts[name].address),
                "machine_id": machine_ids[name],
                "vars": packed(_of(host_variables(environment, name, scope.cell), named)),
            }
            for name in hosts
        },
        "vars": packed(_of(_variables(scope), named)),
        "groups": _packed_groups(declared) if scope.group == "base" else packed({}),
        "content": _plays(environment).content(scope.group),
        "artifacts": artifacts(declared, scope.group, cell, all_hosts),
        "secret_digests": secret_digests(declared, scope.group, cell, all_hosts),
        "bastion": host_inputs(environment, hosts[0]).get("bastion"),
    }
    return {key: value for key, value in inputs.items() if value is not None}


def resource_id_of(inputs: Mapping[str, Any]) -> str:
    """`environment/site/group`, or `…/group-cell`: what `pulumi import` is given."""
    return f"{inputs['environment']}/{inputs['site']}/{name_of(inputs)}"


def name_of(inputs: Mapping[str, Any]) -> str:
    """A Deployment's name in the program: `base`, or with a cell `core-alpha`."""
    return str(inputs["group"] if not inputs.get("cell") else f"{inputs['group']}-{inputs['cell']}")


def import_inputs(resource_id: str) -> dict[str, Any]:
    """The inputs of a Deployment from its id; the hosts, adopted already, are asked for their machine-ids."""
    parts = resource_id.split("/")
    environment = load(parts[0])
    found = [scope for scope in scopes(environment, parts[1]) if scope.name == parts[2]] if len(parts) == 3 else []
    if not found:
        raise ProviderError(f"the id {resource_id!r}", "environment/site/group, all declared", "correct the id")
    machine_ids = {}
    for host in found[0].hosts:
        with ssh.connect(ssh.target(environment, host)) as connection:
            machine_ids[host] = gather(connection).machine_id
    return deployment_inputs(found[0], machine_ids)


def _of(variables: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if name in named}


@once
def _plays(environment: Environment) -> Plays:
    """The playbook as it is when the environment is first asked about: read once, not for each Deployment."""
    return Plays(project_root() / _PLAYBOOK)


def _variables(scope: DeploymentScope) -> dict[str, Any]:
    if scope.cell is None:
        return common_variables(scope.environment)
    return cell_variables(scope.environment, scope.cell)


@once
def _packed_groups(environment: Environment) -> str:
    """The groups that no play targets, with all their hosts."""
    targeted = _plays(environment).targeted
    return packed({name: hosts for name, hosts in known_groups(environment).items() if name not in targeted})
