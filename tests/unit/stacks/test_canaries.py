"""A change at several sites: which hosts come first, and what of it is in the stacks' states."""

from __future__ import annotations

import json
from typing import Any

from dingli.environment import load
from dingli.stacks.canaries import changed_of_stack, choose
from dingli.stacks.events import StackOutcome
from infra.providers.base.values import from_engine, to_engine
from infra.providers.deployment.declared import SHARED_GROUPS, deployment_inputs, scopes
from infra.providers.deployment.digest import desired
from tests.unit.status import observed

_LAB = observed.environment()
_CORES = ["primary-1", "standby-1", "standby-2", "dr-1"]


def test_a_roles_canary_is_on_one_host_of_each_architecture_at_the_site_on_which_least_depends() -> None:
    planned = choose(_LAB, observed.picture(observed.recorded()), {"core-alpha": _CORES})

    assert planned.first.canaries == {"core-alpha": ("dr-1", "standby-2")} or planned.first.canaries == {
        "core-alpha": ("standby-2", "dr-1")
    }
    assert set(planned.then.proven["core-alpha"]) == {"x86_64", "aarch64"}
    assert planned.then.canaries is None
    assert planned.sites == ("standby", "dr")


def test_groups_share_their_canaries_where_they_can() -> None:
    changed = {"base": list(_LAB.hosts), "core-alpha": _CORES, "journal": ["primary-1", "standby-1", "dr-1"]}
    chosen = choose(_LAB, observed.picture(observed.recorded()), changed).first.canaries or {}

    assert {host for hosts in chosen.values() for host in hosts} == {"dr-1", "standby-2"}
    changed = {"base": ["dr-1", "primary-2"], "gateway-alpha": ["primary-2"]}
    chosen = choose(_LAB, observed.picture(observed.recorded()), changed).first.canaries or {}
    assert chosen["base"] == ("primary-2",), "a canary already, though another site has less to lose"


def test_every_shared_group_has_its_place() -> None:
    changed = {group: ["primary-1", "dr-1"] for group in SHARED_GROUPS}
    chosen = choose(_LAB, observed.picture(observed.recorded()), changed).first.canaries or {}

    assert chosen.keys() == {"base", "ipsec", "journal", "ops"}


def test_the_leaders_host_is_no_canary_where_there_is_another() -> None:
    picture = observed.picture(observed.recorded())
    chosen = choose(_LAB, picture, {"core-alpha": ["primary-1", "standby-1"]}).first.canaries

    assert picture.cells["alpha"].leader == "primary-1/main"
    assert chosen == {"core-alpha": ("standby-1",)}


def _ops(**state: Any) -> bytes:
    """The stack of the site ops, of which `base` is deployed, as declared but for `state`."""
    environment = load("lab")
    base = next(scope for scope in scopes(environment, "ops") if scope.name == "base")
    inputs = from_engine(to_engine(deployment_inputs(base, {"ops-1": "a-machine"})))
    outputs = {"applied": desired(inputs)} | state
    resources = [
        {"urn": f"u::{kind}::{name}", "type": kind, "outputs": told}
        for kind, name, told in (
            ("rack:index:Host", "ops-1", {"machine_id": "a-machine"}),
            ("deployment:index:Deployment", "base", outputs),
        )
    ]
    return json.dumps({"checkpoint": {"latest": {"resources": resources}}}).encode()


def test_the_state_of_a_stack_says_which_hosts_a_declaration_changes() -> None:
    environment = load("lab")

    assert changed_of_stack(environment, "ops", None) == {}, "not deployed yet: nothing is a change"
    assert changed_of_stack(environment, "ops", _ops()) == {}
    assert changed_of_stack(environment, "ops", _ops(applied={"ops-1": "another"})) == {"base": (["ops-1"], set())}
    assert changed_of_stack(environment, "ops", _ops(applied={})) == {}, "never completed: new"
    in_doubt = _ops(applied={}, former={"ops-1": "another"})
    assert changed_of_stack(environment, "ops", in_doubt) == {"base": (["ops-1"], {"ops-1"})}


def test_canaries_and_the_rest_are_told_as_one() -> None:
    first = StackOutcome("dr", True, 5.0, {"update": 1, "same": 3}, ["canary"])
    both = first.followed_by(StackOutcome("dr", False, 2.0, {"update": 2, "same": 2}, ["rest"], ["no space"]))

    assert both == StackOutcome("dr", False, 7.0, {"update": 3, "same": 2}, ["canary", "rest"], ["no space"])
