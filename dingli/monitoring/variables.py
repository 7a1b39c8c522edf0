"""What the roles `node_exporter` and `monitoring` are told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dingli.environment import Environment
from dingli.environment.once import once
from dingli.monitoring.alertmanager import alertmanager_configuration
from dingli.monitoring.alerts import rules
from dingli.monitoring.delays import facts_interval_s
from dingli.monitoring.prometheus import prometheus_configuration

__all__ = ["CHANNEL_SECRETS", "PASSWORD", "in_file", "monitoring_secrets", "monitoring_variables", "node_variables"]

PASSWORD = "monitoring"  # noqa: S105 - the name of a secret, not the secret
CHANNEL_SECRETS = {"webhook": "alert-webhook", "email": "alert-email"}

_BRACES = (("{{", "⟦"), ("}}", "⟧"))
# Prometheus' templates look like Ansible's, which would resolve them: in variables they have other braces.


def node_variables(environment: Environment, host: str) -> dict[str, Any]:
    """For every host: where it gives its metrics, and how often it writes down what changes slowly."""
    return {
        "listen": f"{environment.hosts[host].address}:{environment.monitoring.node_port}",
        "facts_every_s": facts_interval_s(environment, host),
    }


def monitoring_variables(environment: Environment, host: str) -> dict[str, Any]:
    """For an operations host; nothing for others. No secret: the URL has `{token}` where the token belongs."""
    if environment.site_of(host).trading:
        return {}
    monitoring, address = environment.monitoring, environment.hosts[host].address
    return {
        "prometheus_listen": f"{address}:{monitoring.prometheus_port}",
        "alertmanager_listen": f"{address}:{monitoring.alertmanager_port}",
        **_configurations(environment),
        "webhook_url": monitoring.webhook.url if monitoring.webhook else None,
        "email": monitoring.email is not None,
    }


@once
def _configurations(environment: Environment) -> dict[str, Any]:
    """The same on every operations host."""
    return {
        "prometheus": prometheus_configuration(environment),
        "rules": _inert(rules(environment)),
        "alertmanager": _inert(alertmanager_configuration(environment)),
    }


def monitoring_secrets(environment: Environment) -> tuple[str, ...]:
    """The names, in the environment's secrets, of what the role `monitoring` delivers."""
    declared = {"webhook": environment.monitoring.webhook, "email": environment.monitoring.email}
    return (PASSWORD, *(CHANNEL_SECRETS[name] for name, channel in declared.items() if channel is not None))


def in_file(variable: Any) -> Any:
    """A configuration file's content from the variable that carried it: plain data, whatever Ansible made of it."""
    return json.loads(json.dumps(_replaced(variable, [(inert, braces) for braces, inert in _BRACES])))


def _inert(content: Any) -> Any:
    return _replaced(content, _BRACES)


def _replaced(content: Any, pairs: Iterable[tuple[str, str]]) -> Any:
    """Data in which every string has one thing in place of another."""
    if isinstance(content, dict):
        return {key: _replaced(value, pairs) for key, value in content.items()}
    if isinstance(content, list):
        return [_replaced(value, pairs) for value in content]
    if isinstance(content, str):
        for found, instead in pairs:
            content = content.replace(found, instead)
    return content
