"""A dr site of instances, from nothing: `dingli up` makes it, follows its replacement, and `destroy` removes it.

In the order of a site's life. The other sites are not there: no stack waits for another, and the gate is theirs too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.lab.box import Box
from tests.live.lab.cloud_site import ENVIRONMENT, CloudSite

pytestmark = pytest.mark.long  # builds a lab of its own
GOAL_S = 240


@pytest.fixture(scope="module")
def site(bare_box: Box) -> Iterator[CloudSite]:
    made = CloudSite(bare_box, Path(tempfile.mkdtemp(prefix="dingli-cloud-site-")))
    yield made
    made.close()


def test_up_makes_the_site_from_nothing(site: CloudSite) -> None:
    outcome, seconds = site.up()
    print(f"\nthe dr site from nothing: {seconds:.1f} s")
    (machine,) = site.instances().values()

    assert machine["PrivateIpAddress"] == "198.18.3.11"
    assert outcome["ok"], outcome
    assert _services(site) == ["active"] * 3
    assert seconds < GOAL_S


def test_a_second_up_changes_nothing(site: CloudSite) -> None:
    outcome, seconds = site.up()
    print(f"\na second up: {seconds:.1f} s")

    assert set(outcome["changes"]) == {"same"}


def test_the_image_s_user_and_root_let_nobody_in_any_more(site: CloudSite) -> None:
    assert site.ssh("dingli-deploy", "sudo -n id -un").stdout == "root\n"
    for user in ("debian", "root"):
        refused = site.ssh(user, "true")
        assert refused.returncode == 255
        assert "Permission denied" in refused.stderr


def test_commands_that_only_look_take_it_for_a_host_as_any_other(site: CloudSite) -> None:
    found = json.loads(site.dingli("check", ENVIRONMENT, "--json").stdout)["findings"]
    told = {one["check"]: one["state"] for one in found if one["subject"] == "dr-1"}
    shown = site.dingli("network", "show", ENVIRONMENT)
    powerless = site.box.dingli("lab", "power", "dr-1", "status")  # as the clone that brought the lab up

    assert {told[check] for check in ("ssh", "host key", "sudo", "arch", "os")} == {"good"}
    assert shown.returncode == 0, shown.stderr
    assert "dr-1" in shown.stdout
    assert "dr-1 is an instance of a cloud" in powerless.stderr


def test_a_machine_that_is_gone_is_made_and_deployed_to_anew_in_the_same_up(site: CloudSite) -> None:
    (before,) = site.instances().values()
    machine_id = site.ssh("dingli-deploy", "cat /etc/machine-id").stdout
    site.call("terminate_instances", InstanceIds=[before["InstanceId"]])
    outcome, seconds = site.up("--refresh")
    print(f"\nafter its instance was terminated: {seconds:.1f} s, {outcome['changes']}")
    (after,) = site.instances().values()

    assert after["InstanceId"] != before["InstanceId"]
    assert site.ssh("dingli-deploy", "cat /etc/machine-id").stdout not in ("", machine_id)
    assert any(f"{before['InstanceId']} goes; its host key is forgotten" in line for line in outcome["messages"])
    assert _services(site) == ["active"] * 3
    assert set(site.up()[0]["changes"]) == {"same"}


def test_destroy_leaves_nothing_on_the_cloud(site: CloudSite) -> None:
    done = site.dingli("destroy", ENVIRONMENT, "--site", "dr", "--yes-destroy", ENVIRONMENT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert site.instances() == {}
    ours = [{"Name": "tag-key", "Values": ["dingli:resource"]}]
    assert site.call("describe_security_groups", Filters=ours)["SecurityGroups"] == []
    assert site.call("describe_vpcs", Filters=ours)["Vpcs"] == []


def _services(site: CloudSite) -> list[str]:
    """Of what the roles have brought there: the filter, a core, and monitoring."""
    units = "dingli-firewall.service dingli-core@alpha.service prometheus-node-exporter.service"
    return site.ssh("dingli-deploy", f"systemctl is-active {units}").stdout.split()
