"""What is true of every resource type, against a cloud on loopback."""

from __future__ import annotations

import pytest

from infra.providers.base.exceptions import ProviderError
from infra.providers.industry.identity import ENVIRONMENT, RESOURCE
from tests.unit.providers.industry.world import KINDS, World

pytestmark = pytest.mark.slow
of_every_kind = pytest.mark.parametrize("kind", KINDS)
of_every_tagged_kind = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Route"])


@of_every_kind
def test_what_was_made_is_found_as_declared(world: World, kind: str) -> None:
    made = world.make(kind)
    found = made.refresh()

    assert found.resource_id == made.resource_id
    assert found.state["drift"] == {}
    assert not made.diff().changed


@of_every_tagged_kind
def test_it_carries_the_tags_by_which_it_is_found(world: World, kind: str) -> None:
    made = world.make(kind, tags={"owner": "trading"})
    seen = made.kind.look(made.resource_id)  # type: ignore[attr-defined]

    assert seen.tags[ENVIRONMENT] == "trial"
    assert seen.tags[RESOURCE] == made.context.urn
    assert seen.tags["owner"] == "trading"


@of_every_kind
def test_an_import_rebuilds_every_input_from_the_id(world: World, kind: str) -> None:
    made = world.make(kind)
    found = made.imported()

    assert not made.kind.diff(made.context, found.state, made.inputs).changed
    assert set(found.inputs) >= set(made.inputs)


@of_every_kind
def test_a_second_creation_finds_the_first_and_makes_none(world: World, kind: str) -> None:
    made = world.make(kind)
    resource_id, state = made.kind.create(made.context, made.inputs)

    assert resource_id == made.resource_id
    assert state == made.state
    assert any("is used" in line for line in world.said.lines)


@of_every_kind
def test_a_preview_makes_nothing(world: World, kind: str) -> None:
    inputs = world.inputs(kind)
    world.service.calls.clear()
    resource_id, _ = world.types[kind].create(world.context(kind, preview=True), inputs)

    assert resource_id == ""
    assert [call for call in world.service.calls if not call.startswith("Describe")] == []


@of_every_kind
def test_what_was_deleted_outside_is_no_longer_there(world: World, kind: str) -> None:
    made = world.make(kind)
    made.delete()

    assert made.refresh().resource_id is None


@of_every_kind
def test_deleting_twice_is_no_error(world: World, kind: str) -> None:
    made = world.make(kind)
    made.delete()
    made.delete()

    assert made.kind.look(made.resource_id) is None  # type: ignore[attr-defined]


@of_every_tagged_kind
def test_tags_taken_off_or_changed_by_hand_are_named_and_put_back(world: World, kind: str) -> None:
    made = world.make(kind, tags={"owner": "trading", "cost": "7"})
    made.kind.tag(made.resource_id, {"owner": "nobody"}, {RESOURCE, "cost"})  # type: ignore[attr-defined]
    drift = made.refresh().state["drift"]
    found = made.diff()
    made.update()

    assert set(drift) == {"tags"}
    assert "owner: found nobody, declared trading" in drift["tags"]
    assert f"{RESOURCE}: found nothing" in drift["tags"]
    assert list(found.changed) == ["drift"]
    assert not found.replaced
    assert made.refresh().state["drift"] == {}


@of_every_tagged_kind
def test_a_tag_that_is_no_longer_declared_goes_and_others_stay(world: World, kind: str) -> None:
    made = world.make(kind, tags={"owner": "trading", "cost": "7"})
    made.kind.tag(made.resource_id, {"billing": "somebody else's"}, set())  # type: ignore[attr-defined]
    made.update(made.inputs | {"tags": {"owner": "trading"}})
    tags = made.kind.look(made.resource_id).tags  # type: ignore[attr-defined]

    assert "cost" not in tags
    assert {"owner", "billing", RESOURCE} <= set(tags)


@of_every_kind
def test_every_missing_and_unknown_input_is_told_at_once(world: World, kind: str) -> None:
    found = world.check(kind, {"colour": "red", "tags": {"dingli:environment": "mine"}})

    assert found == {
        "colour": "is not an input",
        "tags": "is not an input" if kind == "Route" else "dingli:environment is reserved",
        **dict.fromkeys(world.types[kind].required, "is missing"),
    }


@of_every_kind
def test_an_import_of_what_is_not_there_fails(world: World, kind: str) -> None:
    missing = "dingli-nowhere" if kind == "Bucket" else "x-0123"

    with pytest.raises(ProviderError, match=f"nothing with the id {missing}"):
        world.types[kind].read(world.context(kind), missing, {}, {})
