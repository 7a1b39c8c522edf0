"""What Prometheus and Alertmanager are told, and what of it is secret."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import bcrypt
import pytest
import yaml

from dingli.environment import Environment, Monitoring, load
from dingli.monitoring import alertmanager_configuration, monitoring_variables, prometheus_configuration, rules, targets
from dingli.pki import PasswordStore
from roles.filter_plugins.dingli_monitoring import monitoring_files, monitoring_yaml


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


def test_everything_with_metrics_is_a_target_once(lab: Environment) -> None:
    found = targets(lab)
    assert Counter(target.job.value for target in found) == {
        "host": 6, "journal": 3, "core": 7, "gateway": 6, "prometheus": 1, "alertmanager": 1,
    }  # fmt: skip
    assert len({target.address for target in found}) == len(found)
    core = next(target for target in found if target.job == "core")
    assert (core.address, core.labels) == (
        "198.18.1.11:7401",
        {"host": "primary-1", "site": "primary", "cell": "alpha"},
    )


def test_another_cell_is_watched_where_it_runs(lab: Environment) -> None:
    alpha = lab.cells["alpha"]
    ports = alpha.ports.model_copy(update={"core_metrics": 7601, "gateway_metrics": 7611})
    gamma = alpha.model_copy(update={"name": "gamma", "ports": ports})
    more = lab.model_copy(update={"cells": {**lab.cells, "gamma": gamma}})
    added = set(map(repr, targets(more))) - set(map(repr, targets(lab)))
    assert len(added) == len(gamma.cores) + len(gamma.gateways)
    assert all("'cell': 'gamma'" in target for target in added)


def test_only_programs_of_the_exchange_are_asked_in_clear(lab: Environment) -> None:
    schemes = {job["job_name"]: job.get("scheme", "http") for job in prometheus_configuration(lab)["scrape_configs"]}
    assert {name for name, scheme in schemes.items() if scheme == "http"} == {"core", "gateway"}


def test_operations_hosts_watch_and_others_do_not(lab: Environment) -> None:
    assert monitoring_variables(lab, "ops-1")["prometheus_listen"] == "198.18.9.11:9090"
    assert monitoring_variables(lab, "dr-1") == {}


def test_an_environment_without_channels_notifies_nobody_and_is_valid(lab: Environment) -> None:
    quiet = lab.model_copy(update={"monitoring": Monitoring()})
    assert alertmanager_configuration(quiet)["receivers"] == [{"name": "operators"}]


def test_variables_hold_no_secret_and_files_hold_them_all(lab: Environment, tmp_path: Path) -> None:
    variables = monitoring_variables(lab, "ops-1")
    files = {file["path"]: file for file in monitoring_files(variables, str(tmp_path))}
    secrets = PasswordStore(tmp_path / "secrets")
    password, token = secrets.password("monitoring"), secrets.password("alert-webhook")
    assert not [
        secret for secret in (password, token, secrets.password("alert-email")) if secret in json.dumps(variables)
    ]
    assert files["/etc/dingli/secrets/alert-webhook.url"]["secret_content"].endswith(f"/alerts?token={token}")
    assert files["/etc/dingli/secrets/monitoring.password"]["secret_content"] == password
    assert files["/etc/dingli/secrets/alert-email.password"]["secret_content"] == secrets.password("alert-email")
    assert {(file["owner"], file["mode"]) for file in files.values()} == {("prometheus", "0600")}


def test_the_hash_is_the_passwords_and_the_same_every_time(lab: Environment, tmp_path: Path) -> None:
    def web() -> str:
        files = monitoring_files(monitoring_variables(lab, "ops-1"), str(tmp_path))
        return next(str(file["secret_content"]) for file in files if file["path"] == "/etc/prometheus/web.yml")

    first = web()
    known = yaml.safe_load(first)["basic_auth_users"]["dingli"]
    assert bcrypt.checkpw(PasswordStore(tmp_path / "secrets").password("monitoring").encode(), known.encode())
    assert web() == first


def test_ansible_sees_no_template_of_its_own_and_prometheus_gets_its_templates(lab: Environment) -> None:
    carried = monitoring_variables(lab, "ops-1")
    del carried["webhook_url"]
    assert "{{ " not in json.dumps(carried)
    assert yaml.safe_load(monitoring_yaml(carried["rules"])) == rules(lab)
    assert yaml.safe_load(monitoring_yaml(carried["alertmanager"])) == alertmanager_configuration(lab)
