"""Which sites on demand an `up` calls and sends back, and which machines go by it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from dingli.environment import Environment, Hosting
from dingli.environment.readiness import called_sites, record_call, standing
from dingli.exceptions import DingliError, InputError
from dingli.stacks.backend import FileBackend, checkpoint_key
from dingli.stacks.calling import going, sites_to_call
from dingli.stacks.operation import Choice
from dingli.stacks.screen import Screen
from dingli.stacks.up import bring_up
from tests.unit.environment.on_demand import environment


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    return environment(tmp_path)


def test_what_is_asked_for_is_called_and_nothing_else(away: Environment) -> None:
    assert sites_to_call(away, Choice(call=("far",))) == ("far",)
    assert sites_to_call(away, Choice()) == ()

    record_call("base", ["far"])
    assert sites_to_call(away, Choice()) == (), "a plain up sends it back"
    assert sites_to_call(away, Choice(sites=("far",))) == ()
    assert sites_to_call(away, Choice(sites=("one",))) == ("far",), "an up that leaves it alone"


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (Choice(call=("two",)), "--call two"),
        (Choice(call=("nowhere",)), "--call nowhere"),
        (Choice(sites=("one",), call=("far",)), "--call far without its stack"),
    ],
)
def test_only_a_site_on_demand_can_be_called_with_its_stack(away: Environment, choice: Choice, found: str) -> None:
    with pytest.raises(InputError) as raised:
        sites_to_call(away, choice)
    assert raised.value.found == found


def test_a_called_site_s_stack_comes_first(away: Environment) -> None:
    assert [stack.site for stack in Choice(call=("far",)).of(away)] == ["far", "one", "two", "ops"]


def test_instances_that_nothing_asks_for_go_and_no_others(away: Environment, tmp_path: Path) -> None:
    stacks, backend = Choice().of(away), FileBackend(tmp_path / "state")
    assert going(away, stacks, backend) == []

    with_machines(tmp_path / "state")
    assert going(away, stacks, backend) == ["d"]
    assert going(standing(away, ["far"]), stacks, backend) == []
    assert going(away, [stack for stack in stacks if stack.site != "far"], backend) == []


def test_a_site_that_becomes_racks_loses_its_instances_though_its_hosts_stay(away: Environment, tmp_path: Path) -> None:
    with_machines(tmp_path / "state")
    racks = away.sites["far"].model_copy(update={"hosting": Hosting.RACK})
    moved = away.model_copy(update={"sites": {**away.sites, "far": racks}})
    assert going(moved, Choice().of(away), FileBackend(tmp_path / "state")) == ["c", "d"]


def test_no_machine_goes_while_nobody_can_tell_who_leads(
    away: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No host of this environment can be reached."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'state'}")
    with_machines(tmp_path / "state")
    record_call("base", ["far"])
    shown = StringIO()

    with pytest.raises(DingliError, match="d would go, and who leads metals is not known"):
        bring_up(standing(away, ["far"]), Choice(), Screen(shown))
    assert "taken away with their disks, since nothing asks for them any more: d" in shown.getvalue()
    assert called_sites("base") == ("far",)


def with_machines(state: Path) -> None:
    """The far site's stack has made both."""
    file = state / checkpoint_key("base-far")
    file.parent.mkdir(parents=True)
    kinds = {"c": "industry:index:Instance", "d": "industry:index:Instance", "far": "dingli:index:CloudMachines"}
    resources = [{"urn": f"urn:pulumi::{name}", "type": kind} for name, kind in kinds.items()]
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
