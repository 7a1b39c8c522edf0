"""A creation that did not get to its end is found again; nothing is ever made twice."""

from __future__ import annotations

from typing import Any

import pytest

from infra.providers.base.exceptions import Incomplete, ProviderError
from tests.unit.providers.industry.service import error, lost
from tests.unit.providers.industry.world import PUBLIC_KEY, World

pytestmark = pytest.mark.slow

_CALLS = {
    "Network": "CreateVpc",
    "Subnet": "CreateSubnet",
    "SecurityGroup": "CreateSecurityGroup",
    "KeyPair": "ImportKeyPair",
    "Instance": "RunInstances",
    "Route": "CreateRoute",
    "Volume": "CreateVolume",
}


@pytest.mark.parametrize("kind", _CALLS)
def test_what_was_made_although_the_answer_was_lost_is_used(world: World, kind: str) -> None:
    inputs = world.inputs(kind)
    world.service.on(_CALLS[kind], lost)
    resource_id, state = world.types[kind].create(world.context(kind), inputs)

    assert world.service.calls.count(_CALLS[kind]) == 1
    assert world.types[kind].look(resource_id) is not None  # type: ignore[attr-defined]
    assert state["drift"] == {}


def test_a_bucket_whose_answer_was_lost_is_used(world: World) -> None:
    world.service.on("PUT /dingli-evidence", lost)
    made = world.make("Bucket")

    assert made.refresh().state["drift"] == {}
    assert [one["Name"] for one in world.s3.list_buckets()["Buckets"]] == ["dingli-evidence"]


def test_too_many_calls_are_repeated_later(world: World) -> None:
    world.service.on("CreateVpc", error("RequestLimitExceeded", 503), error("RequestLimitExceeded", 503))
    world.service.on("DescribeVpcs", error("RequestLimitExceeded", 503))
    made = world.make("Network")

    assert made.refresh().state["drift"] == {}
    assert world.service.calls.count("CreateVpc") == 3


def test_what_the_cloud_does_not_show_at_once_is_waited_for(world: World) -> None:
    def nothing(done: object, environ: object, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [b"<DescribeSecurityGroupsResponse><securityGroupInfo/></DescribeSecurityGroupsResponse>"]

    inputs = world.inputs("SecurityGroup")
    world.service.on("DescribeSecurityGroups", nothing, nothing, nothing)
    world.types["SecurityGroup"].create(world.context("SecurityGroup"), inputs)

    assert world.service.calls.count("CreateSecurityGroup") == 1
    assert not world.service.faults["DescribeSecurityGroups"]


def test_a_cloud_that_is_broken_for_a_moment_makes_one(world: World) -> None:
    world.service.on("RunInstances", error("InternalError", 500))
    world.make("Instance")

    assert len(world.ec2.describe_instances()["Reservations"]) == 1


def test_a_bucket_cut_short_before_it_was_tagged_is_finished(world: World) -> None:
    world.s3.create_bucket(
        Bucket="dingli-evidence",
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "cn-north-1"},
    )
    made = world.make("Bucket")

    assert made.refresh().state["drift"] == {}


@pytest.mark.parametrize("tags", [[], [{"Key": "dingli:resource", "Value": "another"}]])
def test_somebody_else_s_bucket_of_that_name_is_left_alone(world: World, tags: list[dict[str, str]]) -> None:
    place = {"LocationConstraint": "cn-north-1"}
    world.s3.create_bucket(Bucket="dingli-evidence", CreateBucketConfiguration=place)
    world.s3.put_object(Bucket="dingli-evidence", Key="a", Body=b"a")
    if tags:
        world.s3.put_bucket_tagging(Bucket="dingli-evidence", Tagging={"TagSet": tags})

    with pytest.raises(ProviderError, match="the bucket dingli-evidence exists already") as caught:
        world.make("Bucket")
    assert "pulumi import industry:index:Bucket" in caught.value.remedy
    assert "Status" not in world.s3.get_bucket_versioning(Bucket="dingli-evidence")


def test_a_left_over_that_cannot_become_what_is_declared_now_is_named_and_kept(world: World) -> None:
    made = world.make("Network")

    with pytest.raises(ProviderError, match=f"{made.resource_id} has this resource's tags") as caught:
        world.make("Network", cidr="10.9.0.0/16")
    assert "cidr: found 10.0.0.0/16, declared 10.9.0.0/16" in caught.value.found
    assert world.ec2.describe_vpcs(VpcIds=[made.resource_id])["Vpcs"]


def test_a_left_over_is_brought_to_what_is_declared_now(world: World) -> None:
    made = world.make("Network")
    again = world.make("Network", dns_hostnames=True)

    assert again.resource_id == made.resource_id
    assert again.refresh().state["drift"] == {}


def test_a_machine_that_was_ended_is_no_left_over(world: World) -> None:
    inputs = world.inputs("Instance")
    first, _ = world.types["Instance"].create(world.context("Instance"), inputs)
    world.ec2.terminate_instances(InstanceIds=[first])
    second, _ = world.types["Instance"].create(world.context("Instance"), inputs)

    assert first != second


def test_two_with_the_same_tags_are_named_and_none_is_chosen(world: World) -> None:
    made = world.make("Network")
    twin = world.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    own = [{"Key": key, "Value": text} for key, text in made.kind.look(made.resource_id).tags.items()]  # type: ignore[attr-defined]
    world.ec2.create_tags(Resources=[twin], Tags=own)

    with pytest.raises(ProviderError, match="2 objects have the tags") as caught:
        world.make("Network")
    assert twin in caught.value.found


def test_a_creation_that_fails_half_way_keeps_what_there_is_and_the_next_up_goes_on(world: World) -> None:
    world.service.on("PUT /dingli-evidence?versioning", error("AccessDenied", 403))

    with pytest.raises(Incomplete, match="s3:PutBucketVersioning: AccessDenied") as caught:
        world.make("Bucket", object_lock=None)
    state, kind = dict(caught.value.state), world.types["Bucket"]
    inputs = {name: value for name, value in state.items() if name != "drift"}
    assert caught.value.resource_id == "dingli-evidence"
    assert kind.diff(world.context("Bucket"), state, inputs).changed
    assert kind.update(world.context("Bucket"), "dingli-evidence", state, inputs)["drift"] == {}
    assert world.s3.get_bucket_versioning(Bucket="dingli-evidence")["Status"] == "Enabled"


def test_a_key_s_name_that_is_taken_is_refused(world: World) -> None:
    world.ec2.import_key_pair(KeyName="operator", PublicKeyMaterial=PUBLIC_KEY.encode())

    with pytest.raises(ProviderError, match=r"ec2:ImportKeyPair: InvalidKeyPair\.Duplicate"):
        world.make("KeyPair")
