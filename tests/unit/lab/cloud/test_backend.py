"""What the API says and refuses. Here nobody makes it true but the test, which plays the hypervisor."""

from __future__ import annotations

from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError

from lab.cloud.permissions import guest_filters
from lab.cloud.states import State
from tests.unit.lab.cloud.region import KEY, Region


@pytest.fixture
def region() -> Region:
    return Region()


def test_the_labs_images_say_their_architecture_and_carry_it_as_a_tag(region: Region) -> None:
    said = {
        (image.name, image.architecture, tag["value"])
        for image in region.images.values()
        for tag in image.get_tags()
        if tag["key"] == "dingli:architecture"
    }
    assert said == {("debian-13", "x86_64", "x86_64"), ("debian-12", "arm64", "aarch64")}


def test_a_subnet_with_machines_stays(region: Region) -> None:
    instance = region.launch()
    with pytest.raises(EC2ClientError, match="DependencyViolation"):
        region.backend.delete_subnet(instance.subnet_id)


def test_an_instance_is_pending_until_it_is_reached_and_stopping_until_it_is_off(region: Region) -> None:
    instance = region.launch()
    states = [instance.state]
    for act, state in (
        (None, State.RUNNING),
        (region.backend.stop_instances, State.STOPPED),
        (region.backend.start_instances, State.RUNNING),
        (region.backend.terminate_instances, State.TERMINATED),
    ):
        if act:
            act([instance.id])
            states.append(instance.state)
        region.backend.reached(instance, state)
        states.append(instance.state)

    assert states == [
        *("pending", "running", "stopping", "stopped", "pending", "running", "shutting-down", "terminated")
    ]


def test_the_state_before_is_told_with_a_stop(region: Region) -> None:
    instance = region.launched(State.RUNNING)

    assert [(one.id, state.name) for one, state in region.backend.stop_instances([instance.id])] == [
        (instance.id, "running")
    ]


def test_a_machine_that_shut_itself_down_is_stopped_and_says_so(region: Region) -> None:
    instance = region.launched(State.RUNNING, State.STOPPED)

    assert (instance.state, instance.state_reason.code) == ("stopped", "Client.InstanceInitiatedShutdown")


def test_a_launch_has_the_key_the_address_and_the_image_of_its_machine(region: Region) -> None:
    instance = region.launch(image_id=region.images["arm64"].id)
    guest = region.backend.guests[instance.id]

    assert (guest.host.address, guest.host.prefix, guest.host.gateway) == ("198.18.5.11", 24, "198.18.5.1")
    assert (guest.host.os, guest.host.arch) == ("debian-12", "aarch64")
    assert (guest.public_key, guest.hostname) == (KEY.decode(), "ip-198-18-5-11")


def test_the_address_is_taken_until_the_machine_is_gone(region: Region) -> None:
    instance = region.launched(State.RUNNING)
    region.backend.terminate_instances([instance.id])
    with pytest.raises(EC2ClientError, match="in use"):
        region.launch()
    region.backend.reached(instance, State.TERMINATED)

    assert region.launch().state == "pending"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_id": "ami-12345678"}, "image ami-12345678 does not exist"),
        ({"key_name": "nobody"}, "key pair nobody does not exist"),
        ({"address": "198.18.5.3"}, "not one of"),
        ({"address": "198.18.6.9"}, "not one of"),
        ({"card": {"Groups": ["sg-12345678"]}}, "sg-12345678 does not exist"),
    ],
)
def test_a_launch_that_cannot_come_true_is_refused(region: Region, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(EC2ClientError, match=words):
        region.launch(**changes)
    assert region.backend.guests == {}


@pytest.mark.parametrize(
    ("cidr", "why"),
    [
        ("10.0.0.0/24", "outside of the lab"),
        ("198.18.1.0/24", "with a host of the lab"),
        ("198.18.2.0/25", "a part of a site"),
        ("198.18.255.0/24", "with the router's own addresses"),
    ],
)
def test_there_are_no_cables_to_a_subnet(region: Region, cidr: str, why: str) -> None:
    region.subnet = region.make_subnet(cidr)
    with pytest.raises(EC2ClientError, match="cables inside"):
        region.launch(cidr.replace(".0/", ".20/").partition("/")[0])


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ("terminate_instances", "start_instances"),
        ("terminate_instances", "stop_instances"),
        ("stop_instances", "start_instances"),
    ],
)
def test_what_an_instance_cannot_do_in_its_state_is_refused(region: Region, asked: str, refused: str) -> None:
    instance = region.launched(State.RUNNING)
    getattr(region.backend, asked)([instance.id])
    with pytest.raises(EC2ClientError, match=f"{instance.id} is (stopping|shutting-down)"):
        getattr(region.backend, refused)([instance.id])


def test_a_disk_is_attaching_until_it_is_there_and_in_use_until_it_is_not(region: Region) -> None:
    instance = region.launched(State.RUNNING)
    volume = region.backend.create_volume(size=1, zone_name="cn-north-1a")
    region.backend.attach_volume(volume.id, instance.id, "/dev/sdf")
    (attachment,) = region.backend.data_attachments()
    seen = [(attachment.status, volume.status)]
    region.backend.disk_moved(attachment)
    seen.append((attachment.status, volume.status))
    region.backend.detach_volume(volume.id, instance.id, "/dev/sdf")
    seen.append((attachment.status, volume.status))
    region.backend.disk_moved(attachment)
    seen.append((attachment.status, volume.status))

    assert seen == [
        ("attaching", "in-use"),
        ("attached", "in-use"),
        ("detaching", "in-use"),
        ("detached", "available"),
    ]


def test_a_disk_cannot_be_in_two_machines(region: Region) -> None:
    first, second = region.launched(State.RUNNING), region.launch("198.18.5.12")
    volume = region.backend.create_volume(size=1, zone_name="cn-north-1a")
    region.backend.attach_volume(volume.id, first.id, "/dev/sdf")
    with pytest.raises(EC2ClientError, match="is currently attached"):
        region.backend.attach_volume(volume.id, second.id, "/dev/sdf")


def test_a_disk_outlives_its_machine_and_is_given_back_when_that_is_gone(region: Region) -> None:
    instance = region.launched(State.RUNNING)
    volume = region.backend.create_volume(size=1, zone_name="cn-north-1a")
    region.backend.attach_volume(volume.id, instance.id, "/dev/sdf")
    region.backend.disk_moved(region.backend.data_attachments()[0])
    region.backend.terminate_instances([instance.id])
    while_ending = volume.status
    region.backend.reached(instance, State.TERMINATED)

    assert (while_ending, volume.status) == ("in-use", "available")


def test_a_rule_that_names_a_group_is_for_the_addresses_of_its_members(region: Region) -> None:
    region.launch("198.18.5.11")
    region.launch("198.18.5.12")
    source = {"GroupId": region.group}
    rule = region.backend.authorize_security_group_ingress
    rule(region.group, "tcp", "2379", "2380", [], source_groups=[source])
    first = guest_filters(region.backend)[0]

    assert [(one.protocol, one.first, one.last, one.peers) for one in first.ingress] == [
        ("tcp", 2379, 2380, ("198.18.5.11/32", "198.18.5.12/32"))
    ]
    assert [one.peers for one in first.egress] == [("0.0.0.0/0",)]
