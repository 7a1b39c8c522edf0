"""Route tables become what the router does, for instances that may forward."""

from __future__ import annotations

from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.route_tables import Route

from lab.cloud import backend as cloud_backend
from lab.cloud.permissions import guest_filters
from lab.cloud.states import State
from lab.cloud.ways import ways
from lab.steering import NOTHING, Kind, Reached, Through
from tests.unit.lab.cloud.region import Region

HERE, FAR, OWN = "198.18.5.0/24", "198.18.1.0/24", "198.18.101.2/32"
GATEWAY = ("198.18.5.11", HERE)


@pytest.fixture
def region() -> Region:
    return Region()


def main_table(region: Region) -> str:
    filters = {"vpc-id": [region.network], "association.main": ["true"]}
    (table,) = region.backend.describe_route_tables(filters=filters)
    return str(table.id)


def gateway(region: Region, *destinations: str) -> Any:
    """A running instance that forwards, with routes to it."""
    instance = region.launched(State.RUNNING)
    region.backend.modify_instance_attribute(instance.id, "source_dest_check", False)
    for destination in destinations:
        region.backend.create_route(main_table(region), destination, instance_id=instance.id)
    return instance


def test_an_address_of_its_own_is_reached_by_all_and_a_far_network_by_those_of_its_network(region: Region) -> None:
    gateway(region, OWN, FAR)
    found = ways(region.backend)

    assert found.reached == (Reached("198.18.101.2", *GATEWAY),)
    assert found.through == (Through(HERE, FAR, *GATEWAY), Through(HERE, HERE, kind=Kind.AS_EVER))
    assert found.spared == ((HERE, "fwmark 0xc612050b"),), "its own packets do not come back to it"


def test_it_sends_and_is_sent_what_is_for_its_own_addresses(region: Region) -> None:
    gateway(region, OWN, FAR)
    (found,) = guest_filters(region.backend)

    assert (found.forwards, found.routed) == (True, ("198.18.101.2",))


@pytest.mark.parametrize("why", ["its check is on", "it is gone"])
def test_a_route_to_a_machine_that_does_not_forward_leads_to_nobody(region: Region, why: str) -> None:
    instance = gateway(region, OWN, FAR)
    region.launch("198.18.5.12")
    if why == "its check is on":
        region.backend.modify_instance_attribute(instance.id, "source_dest_check", True)
    else:
        region.backend.terminate_instances([instance.id])
        region.backend.reached(instance, State.TERMINATED)
    found = ways(region.backend)

    assert (found.reached, found.spared) == ((), ())
    assert {(one.destination, one.kind) for one in found.through} == {
        *((OWN, Kind.NOBODY), (FAR, Kind.NOBODY), (HERE, Kind.AS_EVER))
    }, "and not past the gateway, in clear"
    assert all(not one.routed and not one.forwards for one in guest_filters(region.backend))


def test_a_route_that_is_deleted_is_gone(region: Region) -> None:
    gateway(region, OWN, FAR)
    for destination in (OWN, FAR):
        region.backend.delete_route(main_table(region), destination)

    assert ways(region.backend) == NOTHING


def test_a_route_that_is_replaced_leads_to_the_other_machine(region: Region) -> None:
    gateway(region, FAR)
    other = region.launch("198.18.5.12")
    region.backend.modify_instance_attribute(other.id, "source_dest_check", False)
    region.backend.replace_route(main_table(region), FAR, instance_id=other.id)

    assert ways(region.backend).through[0] == Through(HERE, FAR, "198.18.5.12", HERE)


def test_nobody_takes_a_host_of_the_racks_to_himself(region: Region) -> None:
    gateway(region, "198.18.1.11/32")

    assert ways(region.backend).reached == (), "an address in a network is not an address of its own"


def test_a_subnet_with_a_table_of_its_own_goes_by_that(region: Region) -> None:
    gateway(region, FAR)
    table = region.backend.create_route_table(region.network)
    region.backend.associate_route_table(table.id, subnet_id=region.subnet)

    assert ways(region.backend) == NOTHING


def test_a_route_says_whether_its_machine_runs(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "state", property(cloud_backend.route_state))
    instance = gateway(region, FAR)
    (route,) = [one for one in region.backend.get_route_table(main_table(region)).routes if one.instance]
    states = [route.state]
    region.backend.stop_instances([instance.id])
    states.append(route.state)

    assert states == ["active", "blackhole"]


def test_the_check_is_told_of_the_instance_and_of_its_network_interface(region: Region) -> None:
    instance = gateway(region)
    assert (instance.source_dest_check, instance.nics[0].source_dest_check) == (False, False)


def test_a_route_to_a_machine_of_another_network_or_one_that_is_going_is_refused(region: Region) -> None:
    instance = gateway(region)
    elsewhere = region.backend.create_vpc("10.9.0.0/16").id
    (table,) = region.backend.describe_route_tables(filters={"vpc-id": [elsewhere]})
    with pytest.raises(EC2ClientError, match="of different networks"):
        region.backend.create_route(table.id, FAR, instance_id=instance.id)
    region.backend.terminate_instances([instance.id])
    with pytest.raises(EC2ClientError, match="is shutting-down"):
        region.backend.create_route(main_table(region), FAR, instance_id=instance.id)
