"""Inputs and settings that cannot be right are told before anything is asked of the cloud."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi.provider.experimental.provider as engine
import pytest

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.provider import LocalProvider
from infra.providers.base.values import UNKNOWN, properties
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.identity import Identity
from infra.providers.industry.rules import Rule, as_permissions, check_rules, from_permissions
from infra.providers.industry.settings import Settings
from infra.providers.industry.types import all_types

_TYPES = {kind.token.rpartition(":")[2]: kind for kind in all_types(Cloud())}
_NETWORK = "vpc-0123"


@pytest.mark.parametrize(
    ("kind", "inputs", "wrong"),
    [
        ("Network", {"cidr": "10.0.0.1/16", "dns_hostnames": "yes"}, {"cidr", "dns_hostnames"}),
        ("Network", {"cidr": "fd00::/64"}, {"cidr"}),
        ("Network", {"cidr": "10.0.0.0/16", "tags": {"aws:x": "y"}}, {"tags"}),
        ("Network", {"cidr": "10.0.0.0/16", "tags": {"x": 7}}, {"tags"}),
        ("Subnet", {"network_id": "sg-1", "cidr": "10.0.0.0", "zone": ""}, {"network_id", "cidr", "zone"}),
        ("SecurityGroup", {"network_id": _NETWORK, "name": "sg-mine", "ingress": "all"}, {"name", "ingress"}),
        ("KeyPair", {"name": "", "public_key": "ssh-dss AAAA"}, {"name", "public_key"}),
        ("Image", {"name": "debian-*", "architecture": "riscv64", "owners": []}, {"name", "architecture", "owners"}),
        ("Instance", {"private_address": "10.0.0.256", "running": 1}, {"private_address", "running"}),
        ("Instance", {"architecture": "arm64", "image_id": "debian"}, {"architecture", "image_id"}),
        ("Instance", {"user_data": "x" * 16385, "security_group_ids": []}, {"user_data", "security_group_ids"}),
        ("Instance", {"security_group_ids": ["sg-1", "web"]}, {"security_group_ids"}),
        ("Instance", {"source_dest_check": "off"}, {"source_dest_check"}),
        ("Route", {"network_id": "net-1", "destination": "192.0.2.1/24"}, {"network_id", "destination"}),
        ("Route", {"destination": "192.0.2.2", "instance_id": "eni-1"}, {"destination", "instance_id"}),
        ("Volume", {"zone": "a", "size_gib": 0, "instance_id": "vol-1"}, {"size_gib", "instance_id", "device"}),
        ("Volume", {"zone": "a", "size_gib": 2.5, "device": "/dev/sdf"}, {"size_gib", "instance_id"}),
        ("Bucket", {"name": "Evidence", "versioning": False, "object_lock": {}}, {"name", "versioning", "object_lock"}),
        ("Bucket", {"name": "evidence", "object_lock": {"mode": "FOREVER", "days": 1}}, {"object_lock"}),
        ("Bucket", {"name": "a..b", "encryption": "rot13", "lifecycle": [{}]}, {"name", "encryption", "lifecycle"}),
        ("Bucket", {"name": "evidence", "kms_key_id": "k"}, {"encryption"}),
        ("Bucket", {"name": "evidence", "object_lock": {"mode": "COMPLIANCE", "days": 1, "years": 1}}, {"object_lock"}),
        ("Bucket", {"name": "abc", "lifecycle": [{"expire_days": 1}, {"prefix": "", "expire_days": 2}]}, {"lifecycle"}),
    ],
)  # fmt: skip
def test_every_mistake_is_told_at_once(kind: str, inputs: dict[str, Any], wrong: set[str]) -> None:
    assert {found.property for found in _TYPES[kind].check(inputs)} == wrong


@pytest.mark.parametrize("kind", _TYPES)
def test_what_is_not_known_yet_is_no_mistake(kind: str) -> None:
    assert list(_TYPES[kind].check(dict.fromkeys(_TYPES[kind].inputs, UNKNOWN))) == []


def test_a_private_key_is_refused_and_not_repeated() -> None:
    canary = "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary"
    (found,) = _TYPES["KeyPair"].check({"name": "operator", "public_key": canary})

    assert "is a private key" in found.reason
    assert "canary" not in found.reason
    assert not found.shown, "or the engine repeats it"


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"protocol": "tcp", "peer": "self"}, "ports are None to None"),
        ({"protocol": "tcp", "from_port": 9, "to_port": 3, "peer": "self"}, "from_port 9 is above to_port 3"),
        ({"protocol": "all", "from_port": 9, "peer": "self"}, "from_port does not go with all"),
        ({"protocol": "icmp", "from_port": 256, "peer": "self"}, "type and code"),
        ({"protocol": "udp", "from_port": 123, "peer": "pl-0123", "description": "time"}, "is there twice"),
        ({"protocol": "all", "peer": "self", "description": "é"}, "description is 'é'"),
        ({"protocol": "gre", "peer": "10.0.0.0/33"}, "protocol is 'gre'"),
        ({"protocol": "all", "peer": "10.0.0.0/33"}, "peer is '10.0.0.0/33'"),
        ({"protocol": "all"}, "peer is missing"),
        ({"protocol": "all", "peer": "self", "port": 1}, "port is not part of a rule"),
        ("22", "expected protocol"),
    ],
)
def test_a_rule_that_cannot_be_right_is_named_by_its_number(rule: Any, reason: str) -> None:
    good = {"protocol": "udp", "from_port": 123, "peer": "pl-0123"}
    found = check_rules([good, rule])

    assert found is not None
    assert found.startswith("[1] ")
    assert reason in found


def test_rules_survive_the_cloud_s_form() -> None:
    peers = ("self", "sg-other", "pl-0123", "10.0.0.0/8", "fd00::/8")
    rules = [Rule("tcp", 22, 22, peer, "a word") for peer in peers]
    rules += [Rule("all", -1, -1, "self"), Rule("icmp", -1, -1, "self"), Rule("icmp", 8, -1, "10.0.0.0/8")]
    rules += [Rule("50", -1, -1, "192.0.2.2/32")]
    back = from_permissions(as_permissions(rules, "sg-own"), "sg-own")

    assert sorted(Rule.of(one) for one in back) == sorted(rules)


def test_a_long_or_strange_name_still_makes_a_tag_of_its_own() -> None:
    urns = [f"urn:pulumi:s::p::a$b::{name}" for name in ("x" * 400, "x" * 401, "交易", "交割", "plain")]
    found = [Identity.of("lab", urn).resource for urn in urns]

    assert len(set(found)) == len(urns)
    assert all(len(one) <= 256 and one.isascii() for one in found)
    assert found[-1] == "urn:pulumi:s::p::a/b::plain"


def _config_failures(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Property (empty: its value would be shown) and reason."""
    provider = LocalProvider("industry", [], None, Cancellation(), Cloud())  # type: ignore[arg-type]
    request = engine.CheckRequest("urn:pulumi:s::p::pulumi:providers:industry::default", {}, properties(values), b"")
    return [(one.property, one.reason) for one in asyncio.run(provider.check_config(request)).failures or []]


_GOOD = {"environment": "lab", "region": "cn-north-1"}


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("endpoint", "http://cloud.example", "is not https://"),
        ("endpoint", "https://key:secret@cloud.example", "has credentials in it"),
        ("s3_endpoint", "cloud.example:9000", "is not https://"),
        ("ca_file", "ca.pem", "expected an absolute path"),
        ("ca_file", "/dev/null", "no CA certificate"),
        ("max_attempts", "0", "expected a whole number from 1 to 50"),
        ("region", "", "expected text"),
        ("secret_access_key", "canary", "never from a stack"),
        ("colour", "red", "is not an input"),
    ],
)
def test_a_wrong_setting_is_named_and_its_secret_is_not_repeated(setting: str, value: str, reason: str) -> None:
    ((shown, said),) = _config_failures(_GOOD | {setting: value})

    assert setting in (shown or said)
    assert reason in said
    assert not {"canary", "secret@"} & set(said.split())
    assert not shown or setting == "colour", "or the engine repeats it"


def test_good_settings_are_taken(tmp_path: Path) -> None:
    values = _GOOD | {"endpoint": "http://127.0.0.1:5000", "max_attempts": "3", "__internal": "{}"}
    cloud = Cloud()
    cloud.configure(values)

    assert _config_failures(values) == []
    assert cloud.settings == Settings("lab", "cn-north-1", "http://127.0.0.1:5000", max_attempts=3)


def test_missing_settings_are_told_together() -> None:
    assert _config_failures({}) == [("environment", "is missing"), ("region", "is missing")]
