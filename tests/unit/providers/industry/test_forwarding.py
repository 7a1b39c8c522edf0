"""A machine that forwards for its network: what the cloud lets pass, and what it sends there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dingli.rollout import Stage
from infra.providers.base.exceptions import Incomplete, ProviderError
from infra.providers.industry.declared import group_inputs
from tests.unit.environment.test_lines import on_a_cloud
from tests.unit.providers.industry.service import error, lost
from tests.unit.providers.industry.world import World

pytestmark = pytest.mark.slow

_THERE = "192.0.2.2/32"


def _checked(world: World, instance_id: str) -> bool:
    found = world.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    return bool(found["SourceDestCheck"])


def _routes(world: World) -> dict[str, str]:
    """Targets by destination, of the network's main table."""
    of_network = {"Name": "vpc-id", "Values": [world.network()]}
    main = {"Name": "association.main", "Values": ["true"]}
    (table,) = world.ec2.describe_route_tables(Filters=[of_network, main])["RouteTables"]
    return {one["DestinationCidrBlock"]: one.get("InstanceId", "") for one in table["Routes"]}


def _by_hand(world: World, call: str, **target: str) -> None:
    (table, *_) = world.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [world.network()]}])[
        "RouteTables"
    ]
    getattr(world.ec2, call)(RouteTableId=table["RouteTableId"], DestinationCidrBlock=_THERE, **target)


def test_a_machine_is_checked_unless_it_is_declared_otherwise(world: World) -> None:
    inputs = world.inputs("Instance")
    first = world.make("Instance", "first", **inputs)
    second = world.make("Instance", "second", **inputs | {"private_address": "10.0.2.11", "source_dest_check": False})

    assert _checked(world, first.resource_id)
    assert not _checked(world, second.resource_id)
    assert world.service.calls.count("ModifyInstanceAttribute") == 1, "of a machine as all are, nothing is asked"


def test_a_check_that_was_switched_on_by_hand_is_named_and_mended_while_the_machine_runs(world: World) -> None:
    made = world.make("Instance", source_dest_check=False)
    world.ec2.modify_instance_attribute(InstanceId=made.resource_id, SourceDestCheck={"Value": True})
    drift = made.refresh().state["drift"]
    found = made.diff()
    world.service.calls.clear()
    made.update()

    assert drift == {"source_dest_check": "found true, declared false"}
    assert (list(found.changed), list(found.replaced)) == (["drift"], [])
    assert "StopInstances" not in world.service.calls
    assert not _checked(world, made.resource_id)
    assert made.refresh().state["drift"] == {}


def test_a_machine_that_is_no_gateway_any_more_is_checked_again(world: World) -> None:
    made = world.make("Instance", source_dest_check=False)
    made.update({name: value for name, value in made.inputs.items() if name != "source_dest_check"})

    assert _checked(world, made.resource_id)


@pytest.mark.parametrize("answer", ["RunInstances", "ModifyInstanceAttribute"])
def test_a_launch_that_was_cut_short_ends_in_one_machine_that_is_not_checked(world: World, answer: str) -> None:
    inputs = world.inputs("Instance") | {"source_dest_check": False}
    world.service.on(answer, lost)
    made = world.make("Instance", **inputs)
    again = world.make("Instance", **inputs)

    assert world.service.calls.count("RunInstances") == 1
    assert again.resource_id == made.resource_id
    assert not _checked(world, made.resource_id)


def test_a_check_that_the_cloud_refuses_to_switch_off_keeps_the_machine_and_the_next_up_goes_on(world: World) -> None:
    inputs = world.inputs("Instance") | {"source_dest_check": False}
    world.service.on("ModifyInstanceAttribute", error("UnauthorizedOperation", 403))
    with pytest.raises(Incomplete, match="ec2:ModifyInstanceAttribute: UnauthorizedOperation") as caught:
        world.make("Instance", **inputs)
    kind = world.types["Instance"]
    state = kind.update(world.context("Instance"), caught.value.resource_id, dict(caught.value.state), inputs)

    assert state["drift"] == {}
    assert not _checked(world, caught.value.resource_id)


def test_a_route_waits_for_the_canaries_of_a_roll_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gateway may be none of the hosts whose turn it is."""
    with monkeypatch.context() as stage:
        for name, told in Stage({"base": ("c",)}).variables().items():
            stage.setenv(name, told)
        made = world.make("Route")
    waiting = _THERE in _routes(world)

    assert not waiting
    assert made.diff().changed == ["drift"]
    made.context = world.context("Route", preview=True)
    made.update()
    assert _THERE not in _routes(world)
    made.context = world.context("Route")
    assert made.update()["drift"] == {}
    assert _THERE in _routes(world)


def test_a_route_follows_its_machine_in_place(world: World) -> None:
    made = world.make("Route")
    other = world.machine("10.0.5.10")
    news = made.inputs | {"instance_id": other}
    found = made.diff(news)
    made.update(news)

    assert (list(found.changed), list(found.replaced)) == (["instance_id"], [])
    assert _routes(world)[_THERE] == other
    assert world.service.calls.count("ReplaceRoute") == 1
    assert made.refresh().state["drift"] == {}


def test_a_route_that_the_cloud_dropped_with_its_machine_is_made_for_the_next_one(world: World) -> None:
    made = world.make("Route")
    _by_hand(world, "delete_route")
    other = world.machine("10.0.5.10")
    made.update(made.inputs | {"instance_id": other})

    assert _routes(world)[_THERE] == other


def test_a_route_led_elsewhere_by_hand_is_named_and_led_back(world: World) -> None:
    made = world.make("Route")
    other = world.machine("10.0.5.10")
    _by_hand(world, "replace_route", InstanceId=other)
    drift = made.refresh().state["drift"]
    made.update()

    assert drift == {"instance_id": f"found {other}, declared {made.inputs['instance_id']}"}
    assert made.refresh().state["drift"] == {}


def test_a_route_to_no_machine_is_named_by_what_it_leads_to(world: World) -> None:
    made = world.make("Route")
    gateway = world.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    _by_hand(world, "replace_route", GatewayId=gateway)

    assert made.refresh().state["drift"]["instance_id"].startswith(f"found {gateway}, declared i-")


def test_a_route_that_is_there_is_taken_if_it_leads_to_the_same_machine(world: World) -> None:
    inputs = world.inputs("Route")
    _by_hand(world, "create_route", InstanceId=inputs["instance_id"])
    made = world.make("Route", **inputs)

    assert "CreateRoute" not in world.service.calls[-3:]
    assert made.refresh().state["drift"] == {}


def test_a_route_that_leads_elsewhere_is_left_alone_with_a_word_how_to_take_it(world: World) -> None:
    inputs, other = world.inputs("Route"), world.machine("10.0.5.10")
    _by_hand(world, "create_route", InstanceId=other)
    with pytest.raises(ProviderError, match=f"sends {_THERE} to {other} already") as caught:
        world.make("Route", **inputs)

    assert f"pulumi import industry:index:Route RESOURCE {inputs['network_id']}/{_THERE}" in caught.value.remedy
    assert _routes(world)[_THERE] == other


def test_a_route_that_appears_meanwhile_is_judged_by_where_it_leads(world: World) -> None:
    inputs, other = world.inputs("Route"), world.machine("10.0.5.10")

    def made_by(instance_id: str) -> None:
        def answer(done: object, environ: object, start_response: object) -> object:
            _by_hand(world, "create_route", InstanceId=instance_id)
            return error("RouteAlreadyExists")(done, environ, start_response)  # type: ignore[arg-type]

        world.service.on("CreateRoute", answer)

    made_by(inputs["instance_id"])
    made = world.make("Route", **inputs)
    made.delete()
    made_by(other)
    with pytest.raises(ProviderError, match=f"to {other} already"):
        world.make("Route", **inputs)

    assert made.resource_id == f"{inputs['network_id']}/{_THERE}"


def test_the_group_of_a_gateway_is_one_that_the_cloud_takes(world: World, tmp_path: Path) -> None:
    made = world.make("SecurityGroup", **group_inputs(on_a_cloud(tmp_path), "c"))

    assert made.refresh().state["drift"] == {}
    assert not made.kind.diff(made.context, made.imported().state, made.inputs).changed


def test_a_route_goes_alone(world: World) -> None:
    made = world.make("Route")
    before = _routes(world)
    made.delete()

    assert _routes(world) == {to: target for to, target in before.items() if to != _THERE}
    assert "10.0.0.0/16" in _routes(world), "the network's own"
