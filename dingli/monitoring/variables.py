"""What the roles `node_exporter` and `monitoring` are told."""

from __future__ import annotations

from typing import Any

from dingli.environment import Environment
from dingli.monitoring.alertmanager import alertmanager_configuration
from dingli.monitoring.alerts import rules
from dingli.monitoring.delays import facts_interval_s
from dingli.monitoring.prometheus import prometheus_configuration

__all__ = ["monitoring_variables", "node_variables"]


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
        "prometheus": prometheus_configuration(environment),
        "rules": rules(environment),
        "alertmanager": alertmanager_configuration(environment),
        "webhook_url": monitoring.webhook.url if monitoring.webhook else None,
        "email": monitoring.email is not None,
    }
