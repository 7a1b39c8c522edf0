"""Alertmanager's configuration: who is told, how often, and what goes without saying."""

from __future__ import annotations

from typing import Any

from dingli.environment import Environment
from dingli.monitoring.delays import duration, scaled_s

__all__ = ["EMAIL_PASSWORD_FILE", "WEBHOOK_URL_FILE", "alertmanager_configuration"]

WEBHOOK_URL_FILE = "/etc/dingli/secrets/alert-webhook.url"
EMAIL_PASSWORD_FILE = "/etc/dingli/secrets/alert-email.password"  # noqa: S105 - its path, not its content

_SUBJECT = (
    "[{{ .Status | toUpper }}] {{ .CommonLabels.environment }}: {{ .GroupLabels.alertname }}"
    "{{ with .GroupLabels.cell }} of {{ . }}{{ end }}"
)
_TEXT = (
    "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n"
    '  since {{ .StartsAt.UTC.Format "2006-01-02 15:04:05" }} UTC, {{ .Labels.severity }}; '
    "what to do: {{ .Annotations.runbook }}\n{{ end }}"
)


def alertmanager_configuration(environment: Environment) -> dict[str, Any]:
    """The content of alertmanager.yml. What is secret in it stands in files of its own."""
    return {
        "route": {
            "receiver": "operators",
            "group_by": ["alertname", "cell"],
            "group_wait": duration(scaled_s(environment, 30)),
            "group_interval": duration(scaled_s(environment, 120)),
            "repeat_interval": "4h",
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="HostDown"'],
                "target_matchers": ['alertname=~"CoreDown|GatewayDown|JournalMemberDown"'],
                "equal": ["host"],
            },
            {
                "source_matchers": ['alertname="QuorumLost"'],
                "target_matchers": ['alertname="QuorumAtRisk"'],
            },
        ],
        "receivers": [{"name": "operators", **_webhook(environment), **_email(environment)}],
    }


def _tls(environment: Environment) -> dict[str, Any]:
    ca_file = environment.monitoring.ca_file
    return {"tls_config": {"ca_file": ca_file}} if ca_file else {}


def _webhook(environment: Environment) -> dict[str, Any]:
    if environment.monitoring.webhook is None:
        return {}
    access = {"http_config": _tls(environment)} if environment.monitoring.ca_file else {}
    return {"webhook_configs": [{"url_file": WEBHOOK_URL_FILE, "send_resolved": True, **access}]}


def _email(environment: Environment) -> dict[str, Any]:
    email = environment.monitoring.email
    if email is None:
        return {}
    return {
        "email_configs": [
            {
                "to": ", ".join(email.recipients),
                "from": email.sender,
                "smarthost": email.smarthost,
                "auth_username": email.user,
                "auth_password_file": EMAIL_PASSWORD_FILE,
                "require_tls": True,
                "send_resolved": True,
                "headers": {"Subject": _SUBJECT},
                "text": _TEXT,
                "html": "",
                **_tls(environment),
            }
        ]
    }
