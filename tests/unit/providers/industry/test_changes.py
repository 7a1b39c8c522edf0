"""What is changed in place, what needs another object, and what is mended, against a cloud on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from dingli.environment import load
from infra.providers.base.exceptions import ProviderError
from infra.providers.industry.declared import group_inputs
from tests.unit.providers.industry.world import PUBLIC_KEY, World

pytestmark = pytest.mark.slow

_SSH = {"protocol": "tcp", "from_port": 22, "peer": "10.0.9.0/24"}
_OPEN = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Network", {"dns_hostnames": True}),
        ("Subnet", {"public_addresses": True}),
        ("SecurityGroup", {"ingress": [_SSH], "egress": [{"protocol": "icmp", "peer": "10.0.0.0/8"}]}),
        ("SecurityGroup", {"ingress": [], "egress": []}),
        ("SecurityGroup", {"ingress": [{"protocol": "icmp", "from_port": 8, "peer": "10.0.0.0/8"}]}),
        ("Instance", {"instance_type": "c7g.xlarge"}),
        ("Instance", {"source_dest_check": False}),
        ("Instance", {"source_dest_check": False, "instance_type": "c7g.xlarge", "running": False}),
        ("Instance", {"running": False}),
        ("Volume", {"size_gib": 20}),
        ("Volume", {"volume_type": "gp2"}),
        ("Bucket", {"object_lock": {"mode": "GOVERNANCE", "years": 1}}),
        ("Bucket", {"lifecycle": []}),
        ("Bucket", {"lifecycle": [{"prefix": "", "noncurrent_days": 30, "abort_uploads_days": 1}]}),
        ("Bucket", {"encryption": "aws:kms", "kms_key_id": "alias/evidence"}),
        ("Bucket", {"encryption": "none"}),
        ("Bucket", {"block_public_access": False}),
    ],
)
def test_a_change_that_the_cloud_can_make_is_made_in_place(world: World, kind: str, changes: dict[str, Any]) -> None:
    made = world.make(kind)
    news = made.inputs | changes
    found = made.diff(news)
    made.update(news)

    assert set(found.changed) == set(changes)
    assert not found.replaced
    assert made.refresh().state["drift"] == {}
    assert not made.diff(news).changed


def test_a_bucket_s_versions_can_be_suspended_where_nothing_is_locked(world: World) -> None:
    made = world.make("Bucket", object_lock=None)
    made.update(made.inputs | {"versioning": False})

    assert world.s3.get_bucket_versioning(Bucket=made.resource_id)["Status"] == "Suspended"
    assert made.refresh().state["drift"] == {}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Network", {"cidr": "10.1.0.0/16"}),
        ("Subnet", {"cidr": "10.0.3.0/24"}),
        ("Subnet", {"zone": "cn-north-1a"}),
        ("SecurityGroup", {"description": "another"}),
        ("KeyPair", {"public_key": PUBLIC_KEY.replace("Gb9E", "Gb9F")}),
        ("Instance", {"private_address": "10.0.2.11"}),
        ("Instance", {"user_data": ""}),
        ("Route", {"destination": "192.0.2.6/32"}),
        ("Volume", {"encrypted": False}),
        ("Bucket", {"name": "dingli-logs"}),
        ("Bucket", {"object_lock": None}),
    ],
)
def test_a_change_that_the_cloud_cannot_make_needs_another_object(
    world: World, kind: str, changes: dict[str, Any]
) -> None:
    made = world.make(kind)
    accepted = {"accept_replacement": made.resource_id} if "accept_replacement" in made.kind.inputs else {}
    news = {name: value for name, value in (made.inputs | changes | accepted).items() if value is not None}
    found = made.diff(news)

    assert set(found.replaced) == set(changes)
    assert found.delete_before_replace


@pytest.mark.parametrize(
    ("kind", "changes"), [("Instance", {"private_address": "10.0.2.11"}), ("Volume", {"encrypted": False})]
)
@pytest.mark.parametrize("accepted", [{}, {"accept_replacement": "i-0123"}, {"accept_replacement": "vol-0123"}])
def test_what_holds_data_is_not_replaced_by_another_before_somebody_accepts_that(
    world: World, kind: str, changes: dict[str, Any], accepted: dict[str, str]
) -> None:
    made = world.make(kind)
    news = made.inputs | changes | accepted
    (name,) = changes

    assert not made.diff(news).replaced
    for preview in (True, False):
        made.context = world.context(kind, preview=preview)
        with pytest.raises(ProviderError, match=f"which goes with its data: {name}: found") as caught:
            made.update(news)
        assert f"`accept_replacement: {made.resource_id}` on one" in str(caught.value)
    assert made.kind.look(made.resource_id)  # type: ignore[attr-defined]


def test_the_order_of_rules_the_comment_of_a_key_and_defaults_are_no_change(world: World) -> None:
    group = world.make("SecurityGroup", ingress=[_SSH, {"protocol": "all", "peer": "self"}])
    swapped = [{"protocol": "all", "peer": "self"}, _SSH | {"to_port": 22}]
    key = world.make("KeyPair")
    network = world.make("Network")

    assert not group.diff(group.inputs | {"ingress": swapped}).changed
    assert not key.diff(key.inputs | {"public_key": PUBLIC_KEY.rpartition(" ")[0]}).changed
    assert not network.diff(network.inputs | {"dns_hostnames": False}).changed


def test_rules_made_by_hand_are_named_and_taken_away_and_the_missing_ones_put_back(world: World) -> None:
    made = world.make("SecurityGroup")
    described = world.ec2.describe_security_groups(GroupIds=[made.resource_id])["SecurityGroups"][0]
    world.ec2.revoke_security_group_ingress(GroupId=made.resource_id, IpPermissions=described["IpPermissions"])
    world.ec2.authorize_security_group_ingress(GroupId=made.resource_id, IpPermissions=[_OPEN])
    drift = made.refresh().state["drift"]
    made.update()

    assert drift == {"ingress": "found tcp 1-9 ::/0; missing tcp 2379-2380 self"}
    assert made.refresh().state["drift"] == {}


def test_another_description_of_a_rule_is_a_change_in_place(world: World) -> None:
    made = world.make("SecurityGroup", ingress=[_SSH])
    world.service.calls.clear()
    made.update(made.inputs | {"ingress": [_SSH | {"description": "operators"}]})

    assert "AuthorizeSecurityGroupIngress" not in world.service.calls
    assert made.refresh().state["drift"] == {}


def test_the_environment_s_flows_make_the_groups_of_its_hosts(world: World) -> None:
    environment = load("lab")
    for host in environment.hosts:
        inputs = group_inputs(environment, host)
        assert not world.types["SecurityGroup"].check({"network_id": world.network(), **inputs})
    made = world.make("SecurityGroup", **group_inputs(environment, "primary-1"))
    found = made.refresh()

    assert found.state["drift"] == {}
    assert {"ingress", "egress"} <= set(made.imported().inputs)
    assert any(rule.get("from_port") == 2380 for rule in made.inputs["ingress"])


def test_every_setting_of_a_bucket_changed_by_hand_is_named_and_mended(world: World) -> None:
    made = world.make("Bucket")
    s3, name = world.s3, made.resource_id
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_lifecycle(Bucket=name)
    s3.delete_bucket_encryption(Bucket=name)
    partly = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=partly)
    drift = made.refresh().state["drift"]
    made.update()

    assert set(drift) == {"versioning", "object_lock", "lifecycle", "encryption", "block_public_access"}
    assert drift["object_lock"].startswith('found {"mode": "GOVERNANCE", "days": 1}')
    assert made.refresh().state["drift"] == {}


def test_a_disk_follows_its_machine(world: World) -> None:
    machine, disk = world.make("Instance"), world.make("Volume")
    attached = disk.inputs | {"instance_id": machine.resource_id, "device": "/dev/sdf"}
    disk.update(attached)
    world.ec2.detach_volume(VolumeId=disk.resource_id, InstanceId=machine.resource_id)
    drift = disk.refresh().state["drift"]
    disk.update()
    again = disk.refresh().state["drift"]
    disk.update({name: value for name, value in attached.items() if name not in ("instance_id", "device")})

    assert set(drift) == {"instance_id", "device"}
    assert again == {}
    assert world.ec2.describe_volumes(VolumeIds=[disk.resource_id])["Volumes"][0]["State"] == "available"


def test_a_disk_is_detached_before_it_is_removed(world: World) -> None:
    machine = world.make("Instance")
    disk = world.make("Volume", instance_id=machine.resource_id, device="/dev/sdf")
    disk.delete()

    assert disk.refresh().resource_id is None


def test_a_disk_that_would_have_to_shrink_is_refused_in_the_preview_and_afterwards(world: World) -> None:
    disk = world.make("Volume")
    world.ec2.modify_volume(VolumeId=disk.resource_id, Size=50)
    drift = disk.refresh().state["drift"]

    assert drift == {"size_gib": "found 50, declared 10"}
    for context in (disk.context, world.context("Volume", preview=True)):
        with pytest.raises(ProviderError, match="a disk cannot shrink"):
            disk.kind.update(context, disk.resource_id, disk.state, disk.inputs)
    disk.update(disk.inputs | {"size_gib": 50})
    assert disk.refresh().state["drift"] == {}


def test_a_lock_that_is_no_longer_declared_is_not_taken_off_quietly(world: World) -> None:
    bucket = world.make("Bucket")
    unlocked = {name: value for name, value in bucket.inputs.items() if name != "object_lock"}

    with pytest.raises(ProviderError, match="no cloud takes one off"):
        bucket.kind.update(bucket.context, bucket.resource_id, bucket.state, unlocked)


def test_an_update_of_what_was_deleted_outside_says_what_to_do(world: World) -> None:
    network = world.make("Network")
    world.ec2.delete_vpc(VpcId=network.resource_id)

    with pytest.raises(ProviderError, match="up --refresh"):
        network.update(network.inputs | {"dns_hostnames": True})


def test_a_stopped_machine_is_started_and_keeps_its_address(world: World) -> None:
    machine = world.make("Instance")
    world.ec2.stop_instances(InstanceIds=[machine.resource_id])
    drift = machine.refresh().state["drift"]
    machine.update()
    found = world.ec2.describe_instances(InstanceIds=[machine.resource_id])["Reservations"][0]["Instances"][0]

    assert drift == {"running": "found false, declared true"}
    assert (found["State"]["Name"], found["PrivateIpAddress"]) == ("running", "10.0.2.10")


def test_other_groups_of_a_machine_are_named_and_put_right(world: World) -> None:
    machine = world.make("Instance")
    group = world.make("SecurityGroup")
    described = world.ec2.describe_instances(InstanceIds=[machine.resource_id])["Reservations"][0]["Instances"][0]
    card = described["NetworkInterfaces"][0]["NetworkInterfaceId"]
    world.ec2.modify_network_interface_attribute(NetworkInterfaceId=card, Groups=[group.resource_id])
    drift = machine.refresh().state["drift"]
    machine.update()

    assert f"found {group.resource_id}" in drift["security_group_ids"]
    assert machine.refresh().state["drift"] == {}


def test_user_data_is_compared_but_never_shown(world: World) -> None:
    machine = world.make("Instance", user_data="a canary")
    machine.inputs["user_data"] = "another one"
    drift = machine.refresh().state["drift"]

    assert drift == {"user_data": "is not the declared one"}
    with pytest.raises(ProviderError, match="user_data: is not the declared one"):
        machine.update()
    assert not [line for line in world.said.lines if "canary" in line]


def test_a_bucket_with_something_in_it_is_not_removed(world: World) -> None:
    bucket = world.make("Bucket", object_lock=None)
    world.s3.put_object(Bucket=bucket.resource_id, Key="evidence", Body=b"1")

    with pytest.raises(ProviderError, match="BucketNotEmpty") as caught:
        bucket.delete()
    assert "move or delete it" in caught.value.remedy
    assert world.s3.head_bucket(Bucket=bucket.resource_id)


def test_a_locked_version_cannot_be_deleted_by_anybody(world: World) -> None:
    bucket = world.make("Bucket")
    version = world.s3.put_object(Bucket=bucket.resource_id, Key="evidence", Body=b"1")["VersionId"]

    with pytest.raises(world.s3.exceptions.ClientError, match="AccessDenied"):
        world.s3.delete_object(Bucket=bucket.resource_id, Key="evidence", VersionId=version)
