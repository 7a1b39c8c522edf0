"""What watches an environment: targets, alerts and notifications, all derived from its file."""

from dingli.monitoring.alertmanager import alertmanager_configuration
from dingli.monitoring.alerts import alerts, rules
from dingli.monitoring.prometheus import prometheus_configuration
from dingli.monitoring.targets import targets
from dingli.monitoring.variables import monitoring_secrets, monitoring_variables, node_variables

__all__ = [
    "alertmanager_configuration",
    "alerts",
    "monitoring_secrets",
    "monitoring_variables",
    "node_variables",
    "prometheus_configuration",
    "rules",
    "targets",
]
