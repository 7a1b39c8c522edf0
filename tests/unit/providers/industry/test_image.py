"""Which image a name means, and for which machines it is."""

from __future__ import annotations

import pytest

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.values import UNKNOWN
from infra.providers.industry.image import architecture_of
from tests.unit.providers.industry.world import World


@pytest.mark.parametrize(
    ("said", "tagged", "found"),
    [
        ("arm64", None, "aarch64"),
        ("x86_64", None, "x86_64"),
        (None, "aarch64", "aarch64"),
        ("arm64", "aarch64", "aarch64"),
        (None, None, None),
    ],
)
def test_the_architecture_is_the_cloud_s_word_or_the_tag(said: str, tagged: str, found: str) -> None:
    tags = [{"Key": "dingli:architecture", "Value": tagged}] if tagged else []

    assert architecture_of({"ImageId": "ami-1", "Architecture": said, "Tags": tags}) == found


def test_a_tag_against_the_cloud_s_word_is_refused() -> None:
    image = {"ImageId": "ami-1", "Architecture": "x86_64", "Tags": [{"Key": "dingli:architecture", "Value": "aarch64"}]}

    with pytest.raises(ProviderError, match="the cloud says x86_64, its tag says aarch64"):
        architecture_of(image)


@pytest.mark.slow
def test_of_two_images_of_one_name_the_one_for_the_architecture_is_found_even_in_a_preview(world: World) -> None:
    arm, _ = world.image("debian-13", "aarch64"), world.image("debian-13", "x86_64")
    inputs = {"name": "debian-13", "architecture": "aarch64"}
    kind = world.types["Image"]
    previewed = kind.create(world.context("Image", preview=True), inputs)
    created = kind.create(world.context("Image"), inputs)

    assert previewed == ("", {**inputs, "image_id": arm})
    assert created == (arm, {**inputs, "image_id": arm})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "said"),
    [([], "none"), (["x86_64"], "for x86_64"), (["aarch64", "aarch64"], "for aarch64, ami-")],
)
def test_none_or_several_are_refused_with_what_there_is(world: World, images: list[str], said: str) -> None:
    for architecture in images:
        world.image("debian-13", architecture)

    with pytest.raises(ProviderError, match="exactly one for aarch64") as caught:
        world.types["Image"].create(world.context("Image"), {"name": "debian-13", "architecture": "aarch64"})
    assert said in caught.value.found


@pytest.mark.slow
def test_a_stranger_s_image_of_the_same_name_does_not_count(world: World) -> None:
    public = world.ec2.describe_images(Owners=["amazon"])["Images"][0]
    inputs = {"name": public["Name"], "architecture": "x86_64"}
    kind = world.types["Image"]

    with pytest.raises(ProviderError, match="of self: none"):
        kind.create(world.context("Image"), inputs)
    assert kind.create(world.context("Image"), inputs | {"owners": ["amazon"]})[0] == public["ImageId"]


@pytest.mark.slow
def test_an_image_is_imported_by_its_id_kept_by_delete_and_missed_when_it_is_gone(world: World) -> None:
    image_id, kind = world.image(), world.types["Image"]
    context = world.context("Image")
    found = kind.read(context, image_id, {}, {})
    kind.delete(context, image_id, found.state)

    assert found.inputs == {"name": "debian-13", "architecture": "aarch64"}
    assert kind.read(context, image_id, found.state, found.inputs).resource_id == image_id
    world.ec2.deregister_image(ImageId=image_id)
    assert kind.read(context, image_id, found.state, found.inputs).resource_id is None


@pytest.mark.slow
def test_an_image_that_was_withdrawn_is_kept_while_machines_of_it_are_there(world: World) -> None:
    image_id, kind = world.image(), world.types["Image"]
    context = world.context("Image")
    found = kind.read(context, image_id, {}, {})
    (machine,) = world.ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"]
    world.ec2.deregister_image(ImageId=image_id)

    assert kind.read(context, image_id, found.state, found.inputs).resource_id == image_id
    world.ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    assert kind.read(context, image_id, found.state, found.inputs).resource_id is None


@pytest.mark.slow
@pytest.mark.parametrize("preview", [True, False])
def test_a_machine_of_another_architecture_is_refused_even_when_nothing_else_is_known(
    world: World, preview: bool
) -> None:
    inputs = world.inputs("Instance") | {"architecture": "x86_64", "subnet_id": UNKNOWN if preview else "subnet-1"}

    with pytest.raises(ProviderError, match="is for aarch64, the machine is x86_64"):
        world.types["Instance"].create(world.context("Instance", preview=preview), inputs)
    assert "RunInstances" not in world.service.calls


@pytest.mark.slow
def test_an_image_that_does_not_say_its_architecture_is_refused_with_the_tag_to_set(world: World) -> None:
    image_id = world.ec2.register_image(Name="unsaid")["ImageId"]
    inputs = world.inputs("Instance") | {"image_id": image_id}

    with pytest.raises(ProviderError, match="tag the image dingli:architecture=aarch64"):
        world.types["Instance"].create(world.context("Instance"), inputs)
