"""Where the central logs are, and who sends to them."""

from __future__ import annotations

from typing import Any

from dingli.environment.model import Environment, SiteRole
from dingli.environment.once import once

__all__ = ["SENDER", "STORE", "logs_host", "logs_variables"]

SENDER = "dingli-logs"
"""The account that reads a host's journal and sends it."""
STORE = "dingli-logstore"
"""The account that owns what has arrived; nothing else runs under it."""


@once
def logs_host(environment: Environment) -> str | None:
    """The host with the central logs: the declared one, or the first of an ops site that is not emulated.

    None without such a host: then logs stay where they are written.
    """
    if environment.logs.host is not None:
        return environment.logs.host if environment.logs.host in environment.hosts else None
    ops = {site.name for site in environment.sites.values() if site.role is SiteRole.OPS}
    able = [host.name for host in environment.hosts.values() if host.site in ops and not host.emulated]
    return able[0] if able else None


def logs_variables(environment: Environment) -> dict[str, Any]:
    """What roles are told: `dingli_logs`. `senders` are the names of certificates and the hosts they stand for."""
    host = logs_host(environment)
    if host is None:
        return {}
    return {
        "host": host,
        "address": str(environment.hosts[host].address),
        "port": environment.logs.port,
        "keep_days": environment.logs.keep_days,
        "senders": {f"log-{name}": name for name in environment.hosts},
    }
