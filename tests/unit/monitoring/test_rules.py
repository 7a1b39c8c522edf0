"""Each alert fires when it should, not before, and not for what looks like it. promtool plays the series."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dingli.environment import Archive, Environment, Line, Monitoring, load
from dingli.monitoring import alerts, rules
from dingli.setup.promtool import provide_promtool

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CASES = sorted((HERE / "alerts").glob("*.yaml"))
INTERVAL = "15s"
LINE = Line.model_validate(
    {"gateways": ["primary-1", "dr-1"], "first": ["192.0.2.1", "192.0.2.2"], "second": ["192.0.2.5", "192.0.2.6"]}
)


@pytest.fixture(scope="module")
def environment() -> Environment:
    """The lab with normal delays, with an archive and with lines."""
    archive = Archive(bucket="dingli-lab", retention_days=1)
    return load("lab").model_copy(update={"monitoring": Monitoring(), "archive": archive, "lines": (LINE,)})


def promtool(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [provide_promtool(), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def played(series: dict[str, str], alert: str, expected: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One of promtool's tests: what is expected of an alert at which times."""
    return {
        "interval": INTERVAL,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": time, "alertname": alert, "exp_alerts": found} for time, found in expected.items()
        ],
    }


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_alert(case: Path, environment: Environment, tmp_path: Path) -> None:
    wanted = yaml.safe_load(case.read_text())
    name = case.stem.partition("-")[0]
    alert = next(alert for alert in alerts(environment) if alert.name == name)
    fired = {
        "exp_labels": {**wanted["labels"], "severity": alert.severity.value},
        "exp_annotations": {"summary": wanted["summary"], "runbook": f"docs/alerts.md#{name.lower()}"},
    }
    expected: dict[str, list[dict[str, Any]]] = {wanted["quiet_at"]: [], wanted["fires_at"]: [fired]}
    tests = [played(wanted["series"], name, expected)]
    tests += [played(series, name, {wanted["fires_at"]: []}) for series in wanted.get("never", ())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules(environment)))
    document = {"rule_files": ["rules.yml"], "evaluation_interval": INTERVAL, "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))
    promtool(tmp_path, "test", "rules", "test.yml")


def test_every_alert_is_played(environment: Environment) -> None:
    assert {case.stem.partition("-")[0] for case in CASES} == {alert.name for alert in alerts(environment)}


def test_every_alert_has_its_section_of_the_runbook(environment: Environment) -> None:
    headings = {
        line[3:].strip() for line in (ROOT / "docs" / "alerts.md").read_text().splitlines() if line[:3] == "## "
    }
    assert headings == {alert.name for alert in alerts(environment)}


def test_lines_are_watched_where_there_are_some(environment: Environment) -> None:
    without = {alert.name for alert in alerts(environment.model_copy(update={"lines": ()}))}
    assert {alert.name for alert in alerts(environment)} - without == {"SiteLineDown", "SitesCutOff"}


def test_every_cell_is_watched_for_a_leader_by_itself(environment: Environment) -> None:
    alpha = environment.cells["alpha"]
    two = environment.model_copy(update={"cells": {"alpha": alpha, "beta": alpha.model_copy(update={"name": "beta"})}})
    assert [dict(alert.labels) for alert in alerts(two) if alert.name == "NoLeader"] == [
        {"cell": "alpha"},
        {"cell": "beta"},
    ]


def test_an_environment_that_shortens_delays_has_rules_that_prometheus_takes(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules(load("lab"))))
    promtool(tmp_path, "check", "rules", "rules.yml")
