"""The journal's members, in etcd's own words."""

from __future__ import annotations

import json
from typing import Any

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.certificates import pki_file
from dingli.environment.etcd import client_url

__all__ = ["member_status"]


def member_status(environment: Environment, member: str) -> dict[str, Any] | None:
    """etcd's own words about a member, or None if it gives none."""
    command = (
        f"sudo -n etcdctl --endpoints {client_url(environment, member)} --cacert /etc/dingli/pki/ca.crt"
        f" --cert {pki_file('etcd', 'crt')} --key {pki_file('etcd', 'key')} --command-timeout 3s"
        " endpoint status -w json"
    )
    try:
        with ssh.connect(ssh.target(environment, member), timeout_s=5) as connection:
            result = connection.run(command, timeout_s=15, check=False)
    except ssh.SshError:
        return None
    if result.status != 0:
        return None
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    return answers[0]
