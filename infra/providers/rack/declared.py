"""The inputs of a rack:Host, derived from the environment: the same for the program and for an import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dingli.environment import Environment
from dingli.environment.levels import host_level
from dingli.ssh import Jump, Target, deploy_key, known_hosts_file

__all__ = ["host_id", "host_inputs", "target_of"]


def host_id(environment: str, host: str) -> str:
    """`environment/host`: what `pulumi import` is given."""
    return f"{environment}/{host}"


def host_inputs(environment: Environment, name: str) -> dict[str, Any]:
    """Inputs of the Host `name`; optional ones are left out when not declared. Of an instance, its id and its key are
    another resource's to tell, and its image's user is who lets us in."""
    host, bastion = environment.hosts[name], environment.site_of(name).bastion
    made = environment.site_of(name).made
    cloud = environment.cloud_of(host.site) if made else None
    inputs: dict[str, Any] = {
        "environment": environment.name,
        "host": name,
        "address": str(host.address),
        "hosting": environment.site_of(name).hosting.value,
        "data_level": host_level(environment, name),
        "arch": host.arch.value,
        "os": host.os.value,
        "host_key_sha256": host.host_key_sha256,
        "declared_machine_id": host.machine_id,
        "accept_replacement": None if made else host.accept_replacement,
        "root_key": str(environment.root_key) if environment.root_key and not made else None,
        "first_user": cloud.first_user if cloud else None,
        "bastion": None
        if bastion is None
        else {
            "address": str(bastion.address),
            "port": bastion.port,
            "user": bastion.user,
            "host_key_sha256": bastion.host_key_sha256 or "",
        },
    }
    return {key: value for key, value in inputs.items() if value is not None}


def target_of(inputs: dict[str, Any], user: str, key: Path | None = None) -> Target:
    """How `user` reaches the machine of a Host; the deploy key unless another is given."""
    bastion = inputs.get("bastion")
    jump = None
    if bastion:
        jump = Jump(bastion["address"], int(bastion["port"]), bastion["user"], bastion["host_key_sha256"] or None)
    environment = str(inputs["environment"])
    return Target(
        name=inputs["host"],
        address=inputs["address"],
        user=user,
        known_hosts=known_hosts_file(environment),
        key=key or deploy_key(environment),
        jump=jump,
    )
