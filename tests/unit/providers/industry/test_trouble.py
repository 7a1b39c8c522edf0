"""Whatever is wrong with the cloud or the way to it: the error names resource, call and remedy, and no secret."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import moto.settings
import pytest
from botocore.exceptions import SSLError
from moto.core.authorization import ActionAuthenticatorMixin

from infra.providers.base.exceptions import Incomplete, ProviderError
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.errors import is_ambiguous
from infra.providers.industry.settings import Settings
from tests.unit.providers.industry.service import CloudService, error
from tests.unit.providers.industry.world import World

pytestmark = pytest.mark.slow


def _fails(service: CloudService, settings: Settings, kind: str = "Network") -> ProviderError:
    world = World(service, Cloud(replace(settings, max_attempts=1)))
    with pytest.raises(ProviderError) as caught:
        world.make(kind)
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "remedy"),
    [
        ("VpcLimitExceeded", 400, "ask the cloud's operator for more"),
        ("UnauthorizedOperation", 403, "give it to the account"),
        ("RequestExpired", 400, "chronyc tracking"),
        ("InvalidVpcRange", 400, "correct the value it names"),
        ("RequestLimitExceeded", 503, "run `up` again"),
    ],
)
def test_a_refusal_names_resource_call_and_remedy(world: World, code: str, status: int, remedy: str) -> None:
    world.service.on("CreateVpc", *[error(code, status, "because")] * 3)

    with pytest.raises(ProviderError) as caught:
        world.make("Network")
    assert caught.value.found == f"one: ec2:CreateVpc: {code}: because"
    assert caught.value.expected
    assert remedy in caught.value.remedy
    assert world.ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["dingli:resource"]}])["Vpcs"] == []


def test_a_machine_that_ends_by_itself_is_told_with_the_cloud_s_reason(world: World) -> None:
    def made_and_ended(done: Any, environ: Any, start_response: Any) -> list[bytes]:
        answer = list(done())
        found = world.ec2.describe_instances()["Reservations"]
        world.ec2.terminate_instances(InstanceIds=[one["InstanceId"] for each in found for one in each["Instances"]])
        return answer

    world.service.on("RunInstances", made_and_ended)
    with pytest.raises(Incomplete, match=r"ended: Client\.UserInitiatedShutdown") as caught:
        world.make("Instance")
    found = world.types["Instance"].read(
        world.context("Instance"), caught.value.resource_id, dict(caught.value.state), {}
    )
    assert found.resource_id is None, "a refresh forgets it, so that another one is made"


def test_a_broken_connection_leaves_open_what_was_done_and_an_untrusted_one_does_not() -> None:
    broken = SSLError(endpoint_url="https://cloud", error=OSError("EOF occurred in violation of protocol"))
    untrusted = SSLError(endpoint_url="https://cloud", error=OSError("CERTIFICATE_VERIFY_FAILED"))

    assert is_ambiguous(broken)
    assert not is_ambiguous(untrusted)


def test_a_network_that_something_else_uses_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.providers.industry.cloud_resource._BUSY_S", 0)
    network = world.make("Network")
    world.ec2.create_subnet(VpcId=network.resource_id, CidrBlock="10.0.7.0/24")

    with pytest.raises(ProviderError, match="ec2:DeleteVpc: DependencyViolation") as caught:
        network.delete()
    assert "remove what still uses it" in caught.value.remedy


def test_a_wrong_secret_is_called_one(
    service: CloudService, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    found = _fails(service, settings)

    assert found.found.startswith("one: ec2:DescribeVpcs: AuthFailure")
    assert "AWS_ACCESS_KEY_ID" in found.remedy


def test_no_credentials_are_called_missing(
    service: CloudService, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = _fails(service, settings)

    assert "no credentials" in found.found
    assert "AWS_ACCESS_KEY_ID" in found.remedy


def test_a_profile_that_is_not_there_is_named(service: CloudService, settings: Settings) -> None:
    found = _fails(service, replace(settings, profile="exchange"))

    assert "exchange" in found.found
    assert "industry:profile" in found.remedy


def test_a_profile_s_credentials_are_used(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[exchange]\naws_access_key_id = A\naws_secret_access_key = B\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    other = World(world.service, Cloud(replace(settings, profile="exchange")))

    assert other.make("Network").refresh().state["drift"] == {}


@pytest.mark.parametrize("kind", ["Network", "Bucket"])
def test_a_certificate_of_an_unknown_ca_is_not_trusted(service: CloudService, settings: Settings, kind: str) -> None:
    found = _fails(service, replace(settings, ca_file=None), kind)

    assert f"the certificate of {service.endpoint} is not trusted" in found.found
    assert "industry:ca_file" in found.remedy


@pytest.mark.parametrize("kind", ["Network", "Bucket"])
def test_an_endpoint_that_is_down_is_named(service: CloudService, settings: Settings, kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"https://127.0.0.1:{taken.getsockname()[1]}"
    found = _fails(service, replace(settings, endpoint=nobody), kind)

    assert f"no answer from {nobody}" in found.found
    assert found.found.startswith("one: ")


def test_an_endpoint_of_something_else_is_called_one(world: World) -> None:
    def a_web_page(done: object, environ: object, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])  # type: ignore[operator]
        return [b"<!doctype html><title>Welcome</title><br>"]

    world.service.on("DescribeVpcs", a_web_page)
    with pytest.raises(ProviderError, match="something that is not of this service") as caught:
        world.make("Network")
    assert "industry:endpoint" in caught.value.remedy


def test_no_error_holds_the_secret(world: World, credentials: str) -> None:
    world.service.on("CreateVpc", error("SignatureDoesNotMatch", 403))

    with pytest.raises(ProviderError) as caught:
        world.make("Network")
    assert credentials not in str(caught.value)
