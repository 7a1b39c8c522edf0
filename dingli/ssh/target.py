"""How a host is reached: address, account, key, known_hosts and bastion, all derived from the environment."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dingli.environment import Environment, state_dir

__all__ = ["DEPLOY_USER", "Jump", "Target", "deploy_key", "known_hosts_file", "openssh_options", "target"]

DEPLOY_USER = "dingli-deploy"


@dataclass(frozen=True)
class Jump:
    """A bastion: its key must be known, like any host's."""

    address: str
    port: int
    user: str
    host_key_sha256: str | None = None


@dataclass(frozen=True)
class Target:
    """One account on one server. Without `key`, ssh-agent's keys are offered."""

    name: str
    address: str
    user: str
    known_hosts: Path
    key: Path | None = None
    port: int = 22
    jump: Jump | None = None


def known_hosts_file(environment: str) -> Path:
    """The one known_hosts file of an environment."""
    return state_dir(environment) / "known_hosts"


def deploy_key(environment: str) -> Path:
    """The private key of the deploy account (made when the first host is adopted)."""
    return state_dir(environment) / "secrets" / "deploy_key"


def target(environment: Environment, host: str, *, user: str = DEPLOY_USER, key: Path | None = None) -> Target:
    """How `user` reaches a declared host; the deploy key unless another is given."""
    site = environment.site_of(host)
    jump = None
    if site.bastion is not None:
        bastion = site.bastion
        jump = Jump(str(bastion.address), bastion.port, bastion.user, bastion.host_key_sha256)
    return Target(
        name=host,
        address=str(environment.hosts[host].address),
        user=user,
        known_hosts=known_hosts_file(environment.name),
        key=key if key is not None else deploy_key(environment.name),
        jump=jump,
    )


def openssh_options(reached: Target) -> list[str]:
    """The arguments that make `ssh` behave as `connect` does: strict, one known_hosts, no other key, the bastion."""
    options = [
        f"UserKnownHostsFile={reached.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
    ]
    if reached.key is not None:
        options += [f"IdentityFile={reached.key}", "IdentitiesOnly=yes"]
    if reached.jump is not None:
        inner = " ".join(f"-o {shlex.quote(option)}" for option in options)
        jump = reached.jump
        options.append(f"ProxyCommand=ssh -F none {inner} -p {jump.port} -W %h:%p {jump.user}@{jump.address}")
    return ["-F", "none", *(part for option in options for part in ("-o", option))]
