"""Prometheus' configuration: what it asks how often, and whom it tells."""

from __future__ import annotations

from typing import Any

from dingli.environment import Environment
from dingli.environment.certificates import MONITOR, pki_file
from dingli.monitoring.targets import Job, targets

__all__ = ["PASSWORD_FILE", "RULES_FILE", "USER", "prometheus_configuration"]

USER = "dingli"
PASSWORD_FILE = "/etc/dingli/secrets/monitoring.password"  # noqa: S105 - its path, not its content
RULES_FILE = "/etc/prometheus/dingli-rules.yml"

_CA = {"ca_file": "/etc/dingli/pki/ca.crt"}
_CERTIFICATE = {"cert_file": pki_file(MONITOR, "crt"), "key_file": pki_file(MONITOR, "key")}
# Hosts and the journal know Prometheus by its certificate; Prometheus and Alertmanager by a password, like people.
_MUTUAL = {"scheme": "https", "tls_config": {**_CA, **_CERTIFICATE}}
_PASSWORD = {
    "scheme": "https",
    "tls_config": _CA,
    "basic_auth": {"username": USER, "password_file": PASSWORD_FILE},
}
_ACCESS: dict[Job, dict[str, Any]] = {
    Job.HOST: _MUTUAL,
    Job.JOURNAL: _MUTUAL,
    # A core's series name their cell and core themselves.
    Job.CORE: {"honor_labels": True},
    Job.GATEWAY: {},
    Job.PROMETHEUS: _PASSWORD,
    Job.ALERTMANAGER: _PASSWORD,
}


def prometheus_configuration(environment: Environment) -> dict[str, Any]:
    """The content of prometheus.yml, the same on every operations host."""
    interval = f"{environment.monitoring.scrape_interval_s}s"
    found = targets(environment)
    managers = [target.address for target in found if target.job is Job.ALERTMANAGER]
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": f"{min(10, environment.monitoring.scrape_interval_s)}s",
            "evaluation_interval": interval,
            "external_labels": {"environment": environment.name},
        },
        "rule_files": [RULES_FILE],
        "alerting": {"alertmanagers": [{**_PASSWORD, "static_configs": [{"targets": managers}]}]},
        "scrape_configs": [
            {
                "job_name": job.value,
                **_ACCESS[job],
                "static_configs": [
                    {"targets": [target.address], "labels": target.labels} for target in found if target.job is job
                ],
            }
            for job in Job
        ],
    }
