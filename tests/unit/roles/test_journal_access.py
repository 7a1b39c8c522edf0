"""Who may do what in the journal, and the commands that make it so."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dingli.environment import load
from dingli.stacks.variables import common_variables

ROLES = Path(__file__).resolve().parents[3] / "roles"


def plugin(path: str) -> ModuleType:
    """A file that Ansible or a host runs, imported."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, ROLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


bootstrap = plugin("journal/files/journal_bootstrap.py")
filters = plugin("filter_plugins/dingli_journal.py")


@pytest.fixture
def access() -> dict[str, Any]:
    environment = load("lab")
    made: dict[str, Any] = filters.journal_access(
        common_variables(environment)["dingli_journal"], environment.journal.members[1]
    )
    return made


def apply(found: Any, steps: list[Any]) -> Any:
    """What etcd holds after the commands; a model of etcdctl's six verbs, no more."""
    users, roles = (
        {user: set(has) for user, has in found.users.items()},
        {role: set(has) for role, has in found.roles.items()},
    )
    for step in steps:
        match [argument for argument in step.arguments if not argument.startswith("--")]:
            case ["user", "add", user]:
                users[user] = set()
            case ["user", "delete", user]:
                del users[user]
            case ["user", "grant-role", user, role]:
                users[user].add(role)
            case ["user", "revoke-role", user, role]:
                users[user].remove(role)
            case ["role", "add", role]:
                roles[role] = set()
            case ["role", "delete", role]:
                del roles[role]
            case ["role", "grant-permission", role, word, key]:
                roles[role].add(bootstrap.Permission(word, key, "--prefix=true" in step.arguments))
            case ["role", "revoke-permission", role, key]:
                roles[role] = {
                    has for has in roles[role] if (has.key, has.prefix) != (key, "--prefix=true" in step.arguments)
                }
            case other:
                raise AssertionError(other)
    return bootstrap.Rules(
        {user: frozenset(has) for user, has in users.items()}, {role: frozenset(has) for role, has in roles.items()}
    )


def test_gateways_read_who_leads_and_write_nothing(access: dict[str, Any]) -> None:
    assert access["users"]["gateway-alpha"] == ["gateway-alpha"]
    assert {(entry["access"], entry["key"], entry["prefix"]) for entry in access["roles"]["gateway-alpha"]} == {
        ("read", "/dingli/v1/alpha/leader", False),
        ("read", "/dingli/v1/alpha/policy", False),
    }


def test_only_cores_write_and_only_below_their_cell(access: dict[str, Any]) -> None:
    writers = {
        role: [entry["key"] for entry in entries if entry["access"] != "read"]
        for role, entries in access["roles"].items()
    }
    assert {role: keys for role, keys in writers.items() if keys} == {
        "core-alpha": ["/dingli/v1/alpha/"],
        "core-beta": ["/dingli/v1/beta/"],
    }


def test_no_member_has_its_server_certificates_name_as_a_user(access: dict[str, Any]) -> None:
    assert not [user for user in access["users"] if user.startswith("etcd")]


def test_the_policy_lists_cores_in_order_of_preference(access: dict[str, Any]) -> None:
    policy = access["policies"]["/dingli/v1/alpha/policy"]
    assert list(policy["cores"]) == ["primary-1/main", "standby-1/minimal", "standby-2/minimal", "dr-1/main"]
    assert policy["cores"]["dr-1/main"] == {"kind": "main", "takeover": "manual"}


def test_the_own_member_is_asked_first(access: dict[str, Any]) -> None:
    assert access["endpoints"][0] == "https://198.18.2.11:2379"
    assert len(access["endpoints"]) == 3


def test_the_commands_lead_to_what_is_wanted_and_then_there_are_none(access: dict[str, Any]) -> None:
    wanted = bootstrap.wanted_rules(access)
    empty = bootstrap.Rules()
    steps = bootstrap.plan(wanted, empty, frozenset({"minicore-alpha"}))
    reached = apply(empty, steps)
    assert reached == wanted
    assert bootstrap.plan(wanted, reached, frozenset()) == []
    assert [step.password_of for step in steps if step.arguments[:3] == ("user", "add", "minicore-alpha")] == [
        "minicore-alpha"
    ]


def test_what_is_declared_no_longer_is_taken_away(access: dict[str, Any]) -> None:
    wanted = bootstrap.wanted_rules(access)
    stranger = bootstrap.Permission("readwrite", "/dingli/", True)
    found = bootstrap.Rules(
        wanted.users
        | {"stranger": frozenset({"gateway-alpha"}), "gateway-alpha": frozenset({"gateway-alpha", "core-alpha"})},
        wanted.roles | {"gateway-alpha": wanted.roles["gateway-alpha"] | {stranger}, "root": frozenset()},
    )
    steps = bootstrap.plan(wanted, found, frozenset())
    assert apply(found, steps).users == wanted.users
    assert apply(found, steps).roles == wanted.roles | {"root": frozenset()}


@pytest.mark.parametrize(
    ("found", "needed"),
    [
        (None, True),
        ({"revision": 1, "cores": {}}, True),
        ({"revision": 3, "cores": {}}, False),
        ({"revision": 2, "cores": {"a": 1}}, False),
    ],
)
def test_a_policy_with_a_higher_revision_was_set_by_hand_and_stays(found: Any, needed: bool) -> None:
    assert bootstrap.policy_needed({"revision": 2, "cores": {"a": 1}}, found) is needed


def test_another_order_of_cores_is_another_policy() -> None:
    wanted = {"revision": 1, "cores": {"a": 1, "b": 2}}
    assert bootstrap.policy_needed(wanted, {"revision": 1, "cores": {"b": 2, "a": 1}})
    assert not bootstrap.policy_needed(wanted, {"cores": {"a": 1, "b": 2}, "revision": 1})


def test_a_prefix_ends_where_etcd_ends_it() -> None:
    assert bootstrap.range_end("/dingli/v1/alpha/") == b"/dingli/v1/alpha0"
