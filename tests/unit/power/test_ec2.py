"""Instances are stopped only when somebody has promised to start them again, and by their own name only."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from typer.testing import CliRunner

from dingli.cli.power import app
from dingli.environment import Environment, load
from dingli.power import PowerFailed, PowerRefused, driver_of, power_off, power_on, power_status
from dingli.power.returning import keepers
from tests.live.ports import free_port
from tests.unit.environment.test_mistakes import base, change, written
from tests.unit.providers.industry.conftest import SECRET
from tests.unit.providers.industry.service import REGION, CloudService, error


@pytest.fixture
def environment(service: CloudService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Host `c` is an instance; the ops site is behind a bastion that nobody serves."""
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    data = base()
    for path, value in {
        "owner": "trading",
        "data_levels": {"journal": 2, "core": 2, "gateway": 2},
        "sites.far.hosting": "industry",
        "sites.far.cloud": {"region": REGION, "endpoint": service.endpoint, "ca_file": str(service.ca_file)},
        "sites.ops.bastion": {"address": "127.0.0.1", "port": free_port(), "user": "jump"},
        "hosts.c.address": "10.3.0.11",
        "hosts.c.power": "cloud",
        "power.cloud": {"driver": "ec2"},
    }.items():
        change(data, path, value)
    return load(written(data, tmp_path))


def instance(service: CloudService, name: str = "c", environment: str = "base") -> str:
    """One that runs."""
    ec2 = service.client("ec2")
    image = ec2.register_image(Name="any")["ImageId"]
    tags: Any = [{"Key": "Name", "Value": name}, {"Key": "dingli:environment", "Value": environment}]
    specification: Any = [{"ResourceType": "instance", "Tags": tags}]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=specification)
    return str(made["Instances"][0]["InstanceId"])


def state(service: CloudService, name: str) -> str:
    seen = service.client("ec2").describe_instances(InstanceIds=[name])
    return str(seen["Reservations"][0]["Instances"][0]["State"]["Name"])


def test_nothing_is_stopped_that_nobody_would_start_again(environment: Environment, service: CloudService) -> None:
    machine = instance(service)
    with pytest.raises(PowerRefused, match="no ops host gives the power of c back: o: "):
        power_off(environment, "c", 20)
    assert state(service, machine) == "running"


def test_a_stopped_instance_is_started_and_one_that_runs_keeps_running(
    environment: Environment, service: CloudService
) -> None:
    machine = instance(service)
    service.client("ec2").stop_instances(InstanceIds=[machine])
    assert power_status(environment, "c") == f"{machine} is stopped"
    power_on(environment, "c")
    assert power_status(environment, "c") == f"{machine} is running"
    power_on(environment, "c")
    assert state(service, machine) == "running"


def test_one_that_is_still_stopping_is_asked_again(environment: Environment, service: CloudService) -> None:
    machine = instance(service)
    service.client("ec2").stop_instances(InstanceIds=[machine])
    service.on("StartInstances", error("IncorrectInstanceState"))
    power_on(environment, "c")
    assert state(service, machine) == "running"


def test_others_machines_of_the_same_name_are_left_alone(environment: Environment, service: CloudService) -> None:
    theirs = instance(service, environment="another")
    service.client("ec2").stop_instances(InstanceIds=[theirs])
    with pytest.raises(PowerFailed, match=r"(?s)0 instances named c .*dingli up base --site far --refresh"):
        power_on(environment, "c")
    assert state(service, theirs) == "stopped"


def test_two_of_one_name_are_named_and_left_alone(environment: Environment, service: CloudService) -> None:
    both = {instance(service), instance(service)}
    with pytest.raises(PowerFailed) as raised:
        power_on(environment, "c")
    assert all(one in raised.value.found for one in both)


def test_a_cloud_that_refuses_is_told_with_its_own_words(environment: Environment, service: CloudService) -> None:
    instance(service)
    service.on("DescribeInstances", error("UnauthorizedOperation", 403))
    with pytest.raises(PowerFailed, match="UnauthorizedOperation"):
        power_status(environment, "c")


def signature(method: str, url: str, secret: str) -> str:
    """What a service that checks signatures (version 4, in the query) expects for a request without a body."""
    parts = urlsplit(url)
    told = dict(parse_qsl(parts.query))
    told.pop("X-Amz-Signature")
    words = "&".join(f"{quote(name, safe='-_.~')}={quote(told[name], safe='-_.~')}" for name in sorted(told))
    nothing = hashlib.sha256(b"").hexdigest()
    request = "\n".join([method, "/", words, f"host:{parts.netloc}", "", "host", nothing])
    scope = told["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", told["X-Amz-Date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_what_an_ops_host_will_ask_is_signed_as_it_asks_it(environment: Environment, service: CloudService) -> None:
    promise = driver_of(environment, "c")._promise(instance(service))  # type: ignore[attr-defined]
    for url in (promise.url, promise.trial):
        assert dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"] == signature("GET", url, SECRET)
    assert "DryRun=true" in promise.trial
    assert "DryRun" not in promise.url
    assert SECRET not in promise.script(20)


def test_nothing_is_cut_without_a_promise(environment: Environment, service: CloudService) -> None:
    machine = instance(service)
    with pytest.raises(PowerRefused, match="took too long"):
        driver_of(environment, "c").cut()
    assert state(service, machine) == "running"


def test_who_may_be_lost_with_it_keeps_no_promise(environment: Environment) -> None:
    assert keepers(environment, "c") == ("o",)
    assert keepers(environment, "o") == ()


def test_nothing_is_stopped_with_credentials_that_end_before_the_power_returns(
    environment: Environment, service: CloudService, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = instance(service)
    ends = datetime.now(UTC) + timedelta(minutes=20)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "temporary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    with pytest.raises(PowerRefused, match="end before its power returns, 1800 s from now"):
        power_off(environment, "c", 1800)
    assert state(service, machine) == "running"


def test_a_person_gives_it_back_by_hand(environment: Environment, service: CloudService, tmp_path: Path) -> None:
    machine = instance(service)
    service.client("ec2").stop_instances(InstanceIds=[machine])
    file = str(tmp_path / "base.yaml")
    assert "has power" in CliRunner().invoke(app, [file, "c", "on"]).output
    assert CliRunner().invoke(app, [file, "c", "status"]).output == f"c: {machine} is running\n"


def test_a_cloud_that_only_shuts_down_is_told_of_in_the_report(environment: Environment, service: CloudService) -> None:
    machine, driver = instance(service), driver_of(environment, "c")
    driver._latest = time.monotonic() + 60  # type: ignore[attr-defined]
    service.on("StopInstances", error("UnknownParameter"))
    assert driver.cut() == "c was shut down in order: its cloud does not cut the power of an instance"
    assert state(service, machine) == "stopped"
