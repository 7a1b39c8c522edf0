"""Sites whose machines are instances: where they are made, of what, and what resources are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dingli.environment import Environment, load
from dingli.environment.industry import LAB_CA_FILE
from infra.providers.industry.declared import image_inputs, instance_inputs, provider_inputs
from infra.providers.rack.declared import host_inputs
from lab.cloud import tls
from lab.cloud.service import certificate_folder
from tests.unit.environment.test_mistakes import base, change, written

CLOUD = {"region": "cn-north-1", "endpoint": "https://cloud.example", "profile": "far"}
FINGERPRINT = f"SHA256:{'A' * 43}"


def environment(folder: Path, **changes: Any) -> Environment:
    """The base, with its far site on a cloud; host c there is ARM, and d is x86."""
    data = base()
    beside = {"site": "far", "address": "10.3.0.12", "arch": "x86_64", "os": "debian-13", "instance_type": "c7i.xlarge"}
    far = {"sites.far.hosting": "industry", "sites.far.cloud": CLOUD, "owner": "trading", "hosts.d": beside}
    levels = dict.fromkeys(("journal", "core", "gateway"), 2)
    for path, value in {**far, "hosts.c.address": "10.3.0.11", "data_levels": levels, **changes}.items():
        change(data, path, value)
    data["hosts"]["c"].pop("power")
    return load(written(data, folder))


def test_the_provider_is_told_the_site_s_region_and_never_credentials(tmp_path: Path) -> None:
    assert provider_inputs(environment(tmp_path), "far") == {"environment": "base", **CLOUD}


def test_a_site_of_a_lab_without_a_region_of_its_own_is_in_the_lab_s_cloud(tmp_path: Path) -> None:
    data = base() | {"kind": "lab", "cloud": {"address": "10.9.0.1"}, "owner": "trading"}
    change(data, "hosts.c.address", "10.3.0.11")
    change(data, "sites.far.hosting", "industry")
    found = provider_inputs(load(written(data, tmp_path)), "far")

    assert found["endpoint"] == "https://10.9.0.1:8443"
    assert found["region"] == "cn-north-1"
    assert found["ca_file"] == LAB_CA_FILE == str(tls.ca_file(certificate_folder()))


def test_an_image_is_named_like_the_operating_system_unless_it_is_declared(tmp_path: Path) -> None:
    usual = environment(tmp_path)
    declared = {**CLOUD, "images": {"debian-12": "debian-12-arm64-2026"}, "image_owners": ["136693071363"]}
    other = environment(tmp_path, **{"sites.far.cloud": declared})

    assert image_inputs(usual, "c") == {"name": "debian-12", "architecture": "aarch64", "owners": ["self"]}
    assert image_inputs(other, "c")["name"] == "debian-12-arm64-2026"
    assert image_inputs(other, "c")["owners"] == ["136693071363"]
    assert image_inputs(other, "d")["name"] == "debian-13"


def test_an_instance_has_the_declared_address_and_size_and_tags_for_the_policies_and_the_power(tmp_path: Path) -> None:
    sized = {**CLOUD, "instance_types": {"aarch64": "c7g.large"}}
    found = environment(tmp_path, **{"sites.far.cloud": sized})

    assert instance_inputs(found, "c") == {
        "architecture": "aarch64",
        "instance_type": "c7g.large",
        "private_address": "10.3.0.11",
        "tags": {"owner": "trading", "data-level": "2", "Name": "c"},
    }
    assert instance_inputs(found, "d")["instance_type"] == "c7i.xlarge"
    assert instance_inputs(environment(tmp_path), "c")["instance_type"] == "m7g.large"


@pytest.mark.parametrize("hosting", ["rack", "industry"])
def test_a_handed_over_key_counts_for_racks_only(tmp_path: Path, hosting: str) -> None:
    handed = {"root_key": "key", "hosts": {"c": {"host_key_sha256": FINGERPRINT}}}
    (tmp_path / "handover.yaml").write_text(yaml.safe_dump(handed))
    changes: dict[str, Any] = {"handover": "handover.yaml", "sites.far.hosting": hosting}
    if hosting == "rack":
        changes |= {"sites.far.cloud": None, "hosts.d": base()["hosts"]["c"] | {"address": "10.3.0.12"}}
    told = host_inputs(environment(tmp_path, **changes), "c")

    assert ("host_key_sha256" in told, "root_key" in told, "first_user" in told) == (
        (True, True, False) if hosting == "rack" else (False, False, True)
    )
