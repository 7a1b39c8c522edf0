"""A whole environment whose dr site is made of instances: `dingli up` makes it, and the gate passes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.lab.box import Box
from tests.live.lab.cloud_site import CloudSite

pytestmark = pytest.mark.long  # builds a lab of its own, with five machines
GOAL_S = 240


@pytest.fixture(scope="module")
def site(bare_box: Box) -> Iterator[CloudSite]:
    made = CloudSite(bare_box, Path(tempfile.mkdtemp(prefix="dingli-cloud-gate-")), racks=True)
    yield made
    made.close()


def test_the_gate_passes_with_a_dr_site_of_instances(site: CloudSite) -> None:
    result, seconds = site.up_all()
    dr_s = result["sites"]["dr"]["seconds"]
    print(f"\nfour sites from nothing: {seconds:.1f} s, of which dr beside another: {dr_s:.1f} s")

    assert {check: one["state"] for check, one in result["gate"].items() if one["state"] != "passed"} == {}
    assert result["gate"]
    assert list(site.instances()) == ["dr-1"]
    assert dr_s < GOAL_S


def test_a_second_up_changes_nothing_anywhere(site: CloudSite) -> None:
    result, seconds = site.up_all()
    print(f"\na second up: {seconds:.1f} s")

    assert {change for one in result["sites"].values() for change in one["changes"]} == {"same"}
