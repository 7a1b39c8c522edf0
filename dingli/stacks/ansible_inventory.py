"""The inventory for a plain `ansible-playbook -i <file> roles/site.yml`, with what the providers tell roles and ssh."""

from __future__ import annotations

import shlex
from typing import Any

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.inventory import inventory
from dingli.stacks.artifacts import artifacts
from dingli.stacks.variables import common_variables, host_variables, known_groups

__all__ = ["ansible_inventory"]


def ansible_inventory(environment: Environment) -> dict[str, Any]:
    """As Ansible's YAML plugin reads it. Builds the programs that roles install, if need be."""
    built: dict[str, dict[str, str]] = {}
    for cell in environment.cells.values():
        for group in ("core", "gateway"):
            built |= artifacts(environment, group, cell, environment.hosts)
    found = inventory(environment)["all"]
    hosts = {name: variables | _host(environment, name) for name, variables in found["hosts"].items()}
    groups: dict[str, Any] = {
        name: {"hosts": {host: {} for host in members}} for name, members in known_groups(environment).items()
    }
    variables = common_variables(environment) | {"dingli_artifacts": built}
    return {"all": {"hosts": hosts, "children": groups, "vars": variables}}


def _host(environment: Environment, name: str) -> dict[str, Any]:
    reached = ssh.target(environment, name)
    return {
        "ansible_user": reached.user,
        "ansible_ssh_common_args": shlex.join(ssh.openssh_options(reached)),
        **host_variables(environment, name),
    }
