"""The inputs of a deployment:Deployment, derived from the environment: the same for the program and for an import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dingli import ssh
from dingli.environment import Environment, load, project_root
from dingli.environment.levels import group_level
from dingli.stacks.artifacts import artifacts
from dingli.stacks.secret_digests import secret_digests
from dingli.stacks.variables import common_variables, host_variables, known_groups
from infra.providers.base.exceptions import ProviderError
from infra.providers.deployment.content import content, named_variables
from infra.providers.rack.declared import host_inputs
from infra.providers.rack.machine import gather

__all__ = ["DeploymentScope", "deployment_inputs", "import_inputs", "name_of", "resource_id_of", "scopes"]

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
        """The site's hosts that are in the group."""
        here = [host.name for host in self.environment.hosts_at(self.site)]
        if self.cell is None:
            members = set(known_groups(self.environment).get(self.group, ()))
        else:
            cell = self.environment.cells[self.cell]
            members = {core.host for core in cell.cores} if self.group == "core" else set(cell.gateways)
        return [host for host in here if host in members]


def scopes(environment: Environment, site: str) -> list[DeploymentScope]:
    """Every Deployment of a site, in the order in which they build on each other."""
    found = [DeploymentScope(environment, site, group) for group in ("base", "ipsec", "journal", "ops")]
    for cell in environment.cells:
        found += [DeploymentScope(environment, site, group, cell) for group in ("core", "gateway")]
    targeted = _targeted_groups(_playbook())
    return [scope for scope in found if scope.hosts and scope.group in targeted]


def deployment_inputs(scope: DeploymentScope, machine_ids: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs; `machine_ids` by host, possibly not known yet."""
    environment, playbook = scope.environment, _playbook()
    cell = environment.cells[scope.cell] if scope.cell else None
    targeted, named = _targeted_groups(playbook), named_variables(playbook, scope.group)
    inputs: dict[str, Any] = {
        "environment": environment.name,
        "site": scope.site,
        "group": scope.group,
        "cell": scope.cell,
        "hosting": environment.sites[scope.site].hosting.value,
        "data_level": group_level(environment, scope.group, scope.hosts),
        "playbook": str(playbook.relative_to(project_root())),
        "hosts": {
            name: {
                "address": str(environment.hosts[name].address),
                "machine_id": machine_ids[name],
                "vars": _of(host_variables(environment, name, scope.cell), named),
            }
            for name in scope.hosts
        },
        "vars": _of(common_variables(environment), named),
        "groups": {name: hosts for name, hosts in known_groups(environment).items() if name not in targeted},
        "content": content(playbook, scope.group),
        "artifacts": artifacts(environment, scope.group, cell, scope.hosts),
        "secret_digests": secret_digests(environment, scope.group, cell, scope.hosts),
        "bastion": host_inputs(environment, scope.hosts[0]).get("bastion"),
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


def _playbook() -> Path:
    return project_root() / _PLAYBOOK


def _targeted_groups(playbook: Path) -> set[str]:
    """The groups for which the playbook has plays of its own."""
    return {str(play.get("hosts", "")) for play in yaml.safe_load(playbook.read_text())}
