"""A site whose machines are instances, under the real engine: what a preview says, and what is made on the cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dingli.environment import load
from infra.providers.industry.declared import group_inputs
from tests.unit.components.conftest import ROOT, CloudSite
from tests.unit.providers.industry.project import summary
from tests.unit.providers.industry.test_host_key import FIRST, SECOND, console, saying

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
PACK = ("--policy-pack", str(ROOT / "infra" / "policies"))
MADE = 10  # stack, component, provider, network, subnet, key, image, group, instance, host key
MADE_OF_A_HOST = 3  # group, instance, host key


def test_a_preview_from_nothing_shows_the_whole_site_and_makes_nothing(site: CloudSite) -> None:
    said = site.must("preview", *PACK)

    for resource in ("industry:index:Instance", "industry:index:HostKey", "rack:index:Host", "deployment:index:"):
        assert resource in said
    assert "would adopt c at 10.3.0.11 (aarch64, debian-12) when its instance has told its host key" in said
    assert [call for call in site.service.calls if not call.startswith("Describe")] == []


def test_the_network_sends_to_a_gateway_when_its_role_has_been_applied(site: CloudSite) -> None:
    """Not before: what is in service goes on in clear until then."""
    line = {"gateways": ["a", "c"], "first": ["192.0.2.1", "192.0.2.2"], "second": ["192.0.2.5", "192.0.2.6"]}
    playbook = site.folder / "roles" / "site.yml"
    playbook.write_text(playbook.read_text() + playbook.read_text().replace("base", "ipsec"))
    site.declare(lines=[line])
    site.must("preview", "--save-plan", str(site.folder / "plan.json"), *PACK)
    planned = json.loads((site.folder / "plan.json").read_text())["resourcePlans"]
    routes = {urn.rpartition("::")[2]: one["goal"] for urn, one in planned.items() if "industry:index:Route" in urn}

    assert set(routes) == {"line-192.0.2.2", "line-192.0.2.6", "to-one"}
    for goal in routes.values():
        assert any(urn.endswith("deployment:index:Deployment::ipsec") for urn in goal["dependencies"])


def test_data_of_a_high_level_is_refused_before_anything_is_made(site: CloudSite) -> None:
    site.declare(data_levels={"journal": 3, "core": 2, "gateway": 2})
    refused = site.pulumi("up", "--yes", "--skip-preview", *PACK)

    assert refused.returncode != 0
    assert "data of level 3 (高) on the industry cloud" in refused.stdout + refused.stderr
    assert "RunInstances" not in site.service.calls


def test_an_import_of_a_site_of_instances_is_refused(site: CloudSite) -> None:
    refused = site.pulumi("preview", "-c", "dingli:import=true")

    assert refused.returncode != 0
    assert "an import of far, whose machines are instances of a cloud" in refused.stdout + refused.stderr


def test_machines_are_made_as_declared_made_anew_with_another_key_and_removed(
    site: CloudSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_program("machines")
    site.service.on("GetConsoleOutput", saying("booting"), saying(console(FIRST)))
    made = summary(site.must("up", "--yes", "--skip-preview", *PACK))
    (first,) = site.machines()
    told, ingress = site.outputs()["c"], _ingress(site)
    again = summary(site.must("up", "--yes", "--skip-preview", "--refresh"))
    site.declare(hosts__c__address="10.3.0.12")
    refused = site.pulumi("preview").stdout
    site.declare(hosts__c__address="10.3.0.12", hosts__c__accept_replacement=first["InstanceId"])
    site.service.on("GetConsoleOutput", saying(console(SECOND)))
    site.must("up", "--yes", "--skip-preview", *PACK)
    (second,) = site.machines()
    moved = site.outputs()["c"]
    monkeypatch.setenv("DINGLI_ROOT", str(site.folder))
    wanted = group_inputs(load("trial"), "c")["ingress"]
    site.must("destroy", "--yes", "--skip-preview")

    assert made == {"created": MADE}
    assert again == {"unchanged": MADE}
    assert f"set `accept_replacement: {first['InstanceId']}` on c" in refused
    assert told == {"instance_id": first["InstanceId"], "host_key_sha256": FIRST}
    assert moved == {"instance_id": second["InstanceId"], "host_key_sha256": SECOND}
    assert _declared(first) == ("10.3.0.11", "c", "2", "trading")
    assert _declared(second) == ("10.3.0.12", "c", "2", "trading")
    assert ingress == {(one["protocol"], one.get("from_port")) for one in wanted}, "the flows, and no others"
    assert _left(site) == []


def test_another_deploy_key_is_for_machines_to_come_and_replaces_none(site: CloudSite) -> None:
    site.run_program("machines")
    site.service.on("GetConsoleOutput", saying(console(FIRST)))
    site.must("up", "--yes", "--skip-preview")
    (first,) = site.machines()
    secrets = site.folder / ".dingli" / "trial" / "secrets"
    for file in ("deploy_key", "deploy_key.pub"):
        (secrets / file).unlink()
    site.must("up", "--yes", "--skip-preview")
    (second,) = site.machines()
    key = site.service.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"][0]

    assert second["InstanceId"] == first["InstanceId"]
    assert key["PublicKey"].split()[1] == (secrets / "deploy_key.pub").read_text().split()[1]


def test_a_site_on_demand_has_its_journal_s_machine_until_it_is_called_and_again_afterwards(site: CloudSite) -> None:
    """The machine that stays is the same throughout, and nothing of it is changed."""
    beside = {"site": "far", "address": "10.3.0.12", "arch": "aarch64", "os": "debian-12"}
    site.declare(sites__far__readiness="on_demand", hosts__d=beside, cells__metals__cores__2__host="d")
    site.run_program("machines")
    site.service.on("GetConsoleOutput", saying(console(FIRST)))
    away = summary(site.must("up", "--yes", "--skip-preview", *PACK))
    (first,) = site.machines()
    site.service.on("GetConsoleOutput", saying(console(SECOND)))
    site.variables["DINGLI_CALLED"] = "far"
    called = summary(site.must("up", "--yes", "--skip-preview", *PACK))
    there = {_declared(machine)[1]: machine["InstanceId"] for machine in site.machines()}
    site.variables["DINGLI_CALLED"] = ""
    sent_back = summary(site.must("up", "--yes", "--skip-preview", *PACK))
    (left,) = site.machines()

    assert away == {"created": MADE}
    assert called == {"created": MADE_OF_A_HOST, "unchanged": MADE}
    assert sent_back == {"deleted": MADE_OF_A_HOST, "unchanged": MADE}
    assert there.keys() == {"c", "d"}
    assert first["InstanceId"] == there["c"] == left["InstanceId"]


def test_a_journal_s_member_alone_has_the_journal_s_data_level(site: CloudSite) -> None:
    """The core's data, of a higher level, come with the call, which is refused."""
    beside = {"site": "far", "address": "10.3.0.12", "arch": "aarch64", "os": "debian-12"}
    site.declare(
        sites__far__readiness="on_demand", hosts__d=beside, cells__metals__cores__2__host="d", data_levels__core=3
    )
    site.run_program("machines")
    site.service.on("GetConsoleOutput", saying(console(FIRST)))
    site.must("up", "--yes", "--skip-preview", *PACK)
    site.variables["DINGLI_CALLED"] = "far"
    refused = site.pulumi("up", "--yes", "--skip-preview", *PACK)

    assert refused.returncode != 0
    assert "data of level 3 (高) on the industry cloud" in refused.stdout + refused.stderr
    assert [_declared(machine)[1] for machine in site.machines()] == ["c"]


def test_a_gateway_of_lines_forwards_what_the_network_sends_to_it_until_it_is_none(site: CloudSite) -> None:
    """Beside it stands a machine of which nothing is asked; the routes follow a gateway that is made anew."""
    beside = {"site": "far", "address": "10.3.0.12", "arch": "aarch64", "os": "debian-12"}
    both = {"hosts__d": beside, "cells__metals__cores__2__host": "d"}
    line = {"gateways": ["a", "c"], "first": ["192.0.2.1", "192.0.2.2"], "second": ["192.0.2.5", "192.0.2.6"]}
    site.declare(**both)
    site.run_program("machines")
    for key in (FIRST, SECOND, FIRST):
        site.service.on("GetConsoleOutput", saying(console(key)))
    site.must("up", "--yes", "--skip-preview", *PACK)
    before = _forwarding(site)
    site.declare(**both, lines=[line])
    joined = summary(site.must("up", "--yes", "--skip-preview", *PACK))
    (gateway, routes), machines = _forwarding(site), {one["InstanceId"] for one in site.machines()}
    moved_away = {"hosts__c__address": "10.3.0.13", "hosts__c__accept_replacement": next(iter(gateway))}
    site.declare(**both, **moved_away, lines=[line])
    site.must("up", "--yes", "--skip-preview", *PACK)
    moved = _forwarding(site)
    again = summary(site.must("up", "--yes", "--skip-preview", "--refresh"))
    site.declare(**both, **moved_away)
    site.must("up", "--yes", "--skip-preview", *PACK)

    assert before == _forwarding(site) == (set(), {})
    assert joined == {"created": 3, "updated": 2, "unchanged": MADE + MADE_OF_A_HOST - 2}, "the gateway and its group"
    assert len(gateway) == 1
    assert gateway < machines
    assert routes == dict.fromkeys(("192.0.2.2/32", "192.0.2.6/32", "10.1.0.0/16"), *gateway)
    assert moved == (moved[0], dict.fromkeys(routes, *moved[0]))
    assert moved[0] != gateway
    assert again == {"unchanged": MADE + MADE_OF_A_HOST + 3}


def _forwarding(site: CloudSite) -> tuple[set[str], dict[str, str]]:
    """Machines that are not checked, and machines by what the network sends there."""
    tables = site.service.client("ec2").describe_route_tables()["RouteTables"]
    routes = {one["DestinationCidrBlock"]: one.get("InstanceId") for table in tables for one in table["Routes"]}
    unchecked = {one["InstanceId"] for one in site.machines() if not one["SourceDestCheck"]}
    return unchecked, {to: target for to, target in routes.items() if target}


def _ingress(site: CloudSite) -> set[tuple[str, int | None]]:
    named = [{"Name": "group-name", "Values": ["trial-c"]}]
    (group,) = site.service.client("ec2").describe_security_groups(Filters=named)["SecurityGroups"]
    return {(one["IpProtocol"], one.get("FromPort")) for one in group["IpPermissions"]}


def _declared(machine: dict[str, Any]) -> tuple[str, ...]:
    tags = {one["Key"]: one["Value"] for one in machine["Tags"]}
    return machine["PrivateIpAddress"], tags["Name"], tags["data-level"], tags["owner"]


def _left(site: CloudSite) -> list[str]:
    """Whatever carries our tags and is not over."""
    ec2, ours = site.service.client("ec2"), [{"Name": "tag-key", "Values": ["dingli:resource"]}]
    found = [one["VpcId"] for one in ec2.describe_vpcs(Filters=ours)["Vpcs"]]
    found += [one["SubnetId"] for one in ec2.describe_subnets(Filters=ours)["Subnets"]]
    found += [one["GroupId"] for one in ec2.describe_security_groups(Filters=ours)["SecurityGroups"]]
    found += [one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]]
    return [*found, *(one["InstanceId"] for one in site.machines())]
