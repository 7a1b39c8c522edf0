"""How high the data is that hosts, role groups and buckets keep, and how resources are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dingli.environment import Environment, load
from dingli.environment.levels import bucket_of, group_level, host_level
from dingli.exceptions import InputError
from infra.providers.industry.declared import resource_tags
from infra.providers.rack.declared import host_inputs
from tests.unit.environment.test_mistakes import base, change, written

LEVELS = {"journal": 3, "core": 2, "gateway": 1, "ops": 2}


def environment(folder: Path, **changes: Any) -> Environment:
    data = base()
    for path, value in changes.items():
        change(data, path.replace("__", "."), value)
    return load(written(data, folder))


def test_what_nobody_has_said_counts_as_the_highest(tmp_path: Path) -> None:
    found = environment(tmp_path)

    assert [host_level(found, host) for host in found.hosts] == [4, 4, 4, 4]
    assert [found.sites[name].hosting for name in found.sites] == ["rack"] * 4
    assert bucket_of(found, "any").data_level == 4
    assert bucket_of(found, "any").holds == "evidence"


def test_a_host_is_as_high_as_the_highest_of_what_it_runs(tmp_path: Path) -> None:
    found = environment(tmp_path, data_levels=LEVELS, journal={"members": ["a", "b", "o"]})

    assert {host: host_level(found, host) for host in found.hosts} == {"a": 3, "b": 3, "c": 2, "o": 3}


def test_a_host_without_a_service_counts_as_the_highest(tmp_path: Path) -> None:
    spare = {"site": "far", "address": "10.3.0.9", "arch": "x86_64", "os": "debian-13"}

    assert host_level(environment(tmp_path, data_levels=LEVELS, hosts__spare=spare), "spare") == 4


def test_a_role_group_is_as_high_as_its_service_and_base_as_the_highest_host(tmp_path: Path) -> None:
    found = environment(tmp_path, data_levels=LEVELS)

    assert {group: group_level(found, group, ["a"]) for group in LEVELS} == LEVELS
    assert group_level(found, "base", ["o"]) == 2
    assert group_level(found, "base", ["o", "a"]) == 3


def test_that_a_bucket_has_the_archive_or_the_state_is_said_once(tmp_path: Path) -> None:
    archive = {"bucket": "dingli-archive", "retention_days": 180}
    buckets = {"dingli-archive": {"data_level": 2}, "scratch": {"holds": "other", "data_level": 1}}
    found = environment(tmp_path, archive=archive, buckets=buckets)
    plain = {name: bucket_of(found, name) for name in ("dingli-archive", "dingli-state", "scratch")}

    assert {name: one.holds for name, one in plain.items()} == {
        "dingli-archive": "archive", "dingli-state": "state", "scratch": "other"
    }  # fmt: skip
    assert {name: one.data_level for name, one in plain.items()} == {
        "dingli-archive": 2, "dingli-state": 4, "scratch": 1
    }  # fmt: skip


def test_resources_of_a_cloud_carry_owner_level_and_content_as_tags(tmp_path: Path) -> None:
    found = environment(tmp_path, owner="trading", data_levels=LEVELS, buckets={"logs": {"data_level": 2}})

    assert resource_tags(found) == {"owner": "trading"}
    assert resource_tags(found, host="o") == {"owner": "trading", "data-level": "2"}
    assert resource_tags(found, bucket="logs") == {"owner": "trading", "data-level": "2", "holds": "evidence"}


def test_tags_of_what_is_not_declared_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="declares no owner"):
        resource_tags(environment(tmp_path))
    with pytest.raises(InputError, match="the host 'nowhere'"):
        resource_tags(environment(tmp_path, owner="trading"), host="nowhere")


def test_adopted_hosts_carry_their_level_and_the_kind_of_their_site(tmp_path: Path) -> None:
    made = {"sites__ops__hosting": "industry", "sites__ops__cloud": {"region": "cn-north-1"}, "owner": "trading"}
    found = environment(tmp_path, data_levels=LEVELS, hosts__o__address="10.9.0.11", **made)
    told = {host: (host_inputs(found, host)["hosting"], host_inputs(found, host)["data_level"]) for host in "ao"}

    assert told == {"a": ("rack", 3), "o": ("industry", 2)}
