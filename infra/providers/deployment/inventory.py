"""The inventory of one run, from the inputs of a Deployment."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from dingli import ssh
from infra.providers.deployment.packing import unpacked
from infra.providers.rack.declared import target_of

__all__ = ["GROUPS_OF_PLAYS", "inventory", "target"]

GROUPS_OF_PLAYS = ("base", "ipsec", "journal", "core", "gateway", "ops")


def target(inputs: dict[str, Any], host: str) -> ssh.Target:
    """How a host of the group is reached."""
    reached = {**inputs, "host": host, "address": inputs["hosts"][host]["address"]}
    return target_of(reached, ssh.DEPLOY_USER)


def inventory(inputs: dict[str, Any], hosts: Iterable[str]) -> dict[str, Any]:
    """Ansible's YAML inventory as data: the group with `hosts`; other groups that plays target are empty, so that
    those plays do nothing; the rest are complete, for templates that look into them (the run is limited to `hosts`)."""
    entries = {}
    for name in hosts:
        reached = target(inputs, name)
        entries[name] = {
            "ansible_host": reached.address,
            "ansible_port": reached.port,
            "ansible_user": reached.user,
            "ansible_ssh_private_key_file": str(reached.key),
            "ansible_ssh_common_args": shlex.join(ssh.openssh_options(reached)),
            "ansible_python_interpreter": "/usr/bin/python3",
            **unpacked(inputs["hosts"][name]["vars"]),
        }
    variables = {**unpacked(inputs["vars"]), "dingli_artifacts": inputs.get("artifacts", {})}
    others: dict[str, Any] = {
        group: {"hosts": {member: {} for member in members}}
        for group, members in unpacked(inputs.get("groups")).items()
    }
    groups: dict[str, Any] = {**{group: {"hosts": {}} for group in GROUPS_OF_PLAYS}, **others}
    groups[inputs["group"]] = {"hosts": entries}
    return {"all": {"children": groups, "vars": variables}}
