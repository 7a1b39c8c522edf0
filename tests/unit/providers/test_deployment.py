"""Which hosts a Deployment runs on, and what it makes of a run."""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from dingli.environment import Environment, load
from infra.providers.deployment.content import Plays
from infra.providers.deployment.declared import deployment_inputs, scopes
from infra.providers.deployment.digest import desired, pending
from infra.providers.deployment.inventory import inventory
from infra.providers.deployment.outcome import HostOutcome, Outcome
from infra.providers.deployment.packing import packed, unpacked
from infra.providers.deployment.unfinished import Unfinished


def _inputs(**changes: Any) -> dict[str, Any]:
    hosts = {name: {"address": f"198.51.100.{n}", "machine_id": name, "vars": {"n": n}} for n, name in enumerate("ab")}
    artifacts = {"core": {"path": "/one/clone/core.tar.gz", "sha256": "1"}}
    return {"group": "core", "content": {"core": "1"}, "vars": {}, "hosts": hosts, "artifacts": artifacts} | changes


def _applied(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs | {"applied": desired(inputs), "drift": {}}


def test_nothing_is_pending_where_everything_is_applied() -> None:
    assert pending(_applied(_inputs()), _inputs()) == []


def test_a_changed_variable_of_one_host_concerns_that_host() -> None:
    inputs = _inputs()
    changed = inputs | {"hosts": inputs["hosts"] | {"b": inputs["hosts"]["b"] | {"vars": {"n": 9}}}}

    assert pending(_applied(inputs), changed) == ["b"]


def test_drift_concerns_the_drifted_host() -> None:
    state = _applied(_inputs()) | {"drift": {"a": ["core : Configure"]}}

    assert pending(state, _inputs()) == ["a"]


def test_a_host_that_failed_is_run_again_even_if_the_declaration_is_the_old_one() -> None:
    state = _applied(_inputs())
    del state["applied"]["b"]

    assert pending(state, _inputs()) == ["b"]


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {"core": "2"}},
        {"vars": {"x": 1}},
        {"artifacts": {"core": {"path": "", "sha256": "2"}}},
        {"secret_digests": {"minicore-alpha": "2"}},
    ],
)
def test_what_all_hosts_share_concerns_all(changes: dict[str, Any]) -> None:
    assert pending(_applied(_inputs()), _inputs(**changes)) == ["a", "b"]


def test_another_clone_with_the_same_programs_finds_nothing_to_do() -> None:
    elsewhere = _inputs(artifacts={"core": {"path": "/another/clone/core.tar.gz", "sha256": "1"}})

    assert pending(_applied(_inputs()), elsewhere) == []


def test_variables_as_text_and_as_a_map_are_the_same_to_a_host() -> None:
    maps = _inputs(vars={"b": [1, 0.5, None], "a": "鼎"}, groups={"site_dr": ["a"]})
    texts = maps | {"vars": packed(maps["vars"]), "groups": packed(maps["groups"])}
    texts["hosts"] = {name: host | {"vars": packed(host["vars"])} for name, host in maps["hosts"].items()}

    assert desired(texts) == desired(maps)
    assert unpacked(texts["vars"]) == unpacked(maps["vars"]) == maps["vars"]
    reached = {"environment": "lab", "site": "dr"}
    assert inventory(texts | reached, ["a"]) == inventory(maps | reached, ["a"])


def test_what_a_host_has_is_the_sum_of_all_that_concerns_it() -> None:
    """States hold these sums: another way to sum would run every role on every host again."""
    inputs = _inputs(vars={"b": 1, "a": "鼎"}, secret_digests={"s": "1"})
    shared = {
        "group": "core",
        "content": {"core": "1"},
        "vars": {"b": 1, "a": "鼎"},
        "groups": {},
        "artifacts": {"core": "1"},
        "secrets": {"s": "1"},
    }
    told = json.dumps([shared, "b", {"n": 1}], sort_keys=True)

    assert desired(inputs)["b"] == hashlib.sha256(told.encode()).hexdigest()


def _event(kind: str, host: str, task: str, **more: Any) -> dict[str, Any]:
    return {"event": kind, "host": host, "task": task, "changed": False} | more


def test_each_host_has_an_outcome_of_its_own() -> None:
    outcome = Outcome({"a": HostOutcome(), "b": HostOutcome(), "c": HostOutcome()})
    outcome.take(_event("ok", "a", "t1", changed=True))
    outcome.take(_event("failed", "b", "t1", message="no space"))
    outcome.take(_event("unreachable", "c", "t1", message="timed out"))
    outcome.take({"stats": {"failures": {"b": 1}, "dark": {"c": 1}}})
    outcome.take({"status": "failed", "tail": ""})
    outcome.close()

    assert outcome.hosts["a"].done
    assert outcome.hosts["a"].changed == ["t1"]
    assert outcome.hosts["b"].failure == "t1: no space"
    assert outcome.hosts["c"].unreachable


@pytest.mark.parametrize("status", ["failed", "canceled", "timeout"])
def test_a_run_that_ends_otherwise_than_successful_is_done_on_no_host(status: str) -> None:
    outcome = Outcome({"a": HostOutcome()})
    outcome.take({"stats": {"failures": {}, "dark": {}}})
    outcome.take({"status": status, "tail": "ERROR! a broken playbook"})

    assert not outcome.hosts["a"].done
    assert "a broken playbook" in str(outcome.hosts["a"].failure)


def test_a_run_that_was_killed_is_done_on_no_host() -> None:
    outcome = Outcome({"a": HostOutcome()})
    outcome.take(_event("ok", "a", "t1", changed=True))
    outcome.close()

    assert outcome.hosts["a"].failure == "the run was ended before it was done"


def test_a_rescued_task_is_no_failure() -> None:
    outcome = Outcome({"a": HostOutcome()})
    outcome.take(_event("failed", "a", "t1", message="first try"))
    outcome.take({"stats": {"failures": {}, "dark": {}, "ok": {"a": 2}}})
    outcome.take({"status": "successful", "tail": ""})

    assert outcome.hosts["a"].done


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    for role in ("base", "core", "needed"):
        (tmp_path / role / "tasks").mkdir(parents=True)
        (tmp_path / role / "tasks" / "main.yml").write_text("[]")
    (tmp_path / "core" / "meta").mkdir()
    (tmp_path / "core" / "meta" / "main.yml").write_text("dependencies: [needed]")
    file = tmp_path / "site.yml"
    file.write_text("- {hosts: base, roles: [base]}\n- {hosts: core, roles: [{role: core}]}\n")
    return file


def test_only_roles_of_the_group_count_and_those_they_depend_on(playbook: Path) -> None:
    assert set(Plays(playbook).content("core")) == {"core", "needed", "playbook"}


def test_files_are_read_once_however_many_deployments_ask(playbook: Path) -> None:
    plays = Plays(playbook)
    before = plays.content("core")
    (playbook.parent / "needed" / "tasks" / "main.yml").unlink()
    playbook.unlink()

    assert plays.content("core") is before
    assert {"base", "core"} <= plays.targeted


def test_a_changed_file_of_a_role_changes_its_sum_and_no_other(playbook: Path) -> None:
    before = Plays(playbook).content("core")
    (playbook.parent / "needed" / "tasks" / "main.yml").write_text("[] # changed")
    (playbook.parent / "base" / "tasks" / "main.yml").write_text("[] # changed")
    after = Plays(playbook).content("core")

    assert {name for name in before if before[name] != after[name]} == {"needed"}


def test_words_of_the_groups_own_files_alone_are_its_variables(playbook: Path) -> None:
    (playbook.parent / "needed" / "tasks" / "main.yml").write_text("- debug: {msg: '{{ of_needed }}'}")
    (playbook.parent / "base" / "tasks" / "main.yml").write_text("- debug: {msg: '{{ of_base }}'}")

    assert {"of_needed", "of_base"} & Plays(playbook).named_variables("core") == {"of_needed"}


def changed_scopes(before: Environment, after: Environment) -> set[str]:
    found = set()
    for site in before.sites:
        for old, new in zip(scopes(before, site), scopes(after, site), strict=True):
            ids = dict.fromkeys(before.hosts, "m")
            if desired(deployment_inputs(old, ids)) != desired(deployment_inputs(new, ids)):
                found.add(f"{site}/{old.name}")
    return found


def test_a_change_is_the_business_of_the_groups_whose_roles_read_it_and_of_no_other() -> None:
    lab = load("lab")
    alpha = lab.cells["alpha"]
    fewer = {**lab.cells, "alpha": alpha.model_copy(update={"gateways_running": 2})}
    filtered = lab.network.model_copy(update={"members": (IPv4Network("192.0.2.0/24"),)})

    assert changed_scopes(lab, lab.model_copy(update={"cells": fewer})) == {"dr/gateway-alpha", "ops/ops"}
    assert changed_scopes(lab, lab.model_copy(update={"network": filtered})) == {
        f"{site}/base" for site in ("primary", "standby", "dr")
    }


def test_a_run_that_was_cut_short_is_remembered_until_one_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    Unfinished("lab/dr/base").begin(["a"])
    Unfinished("lab/dr/base").begin(["b"])

    assert Unfinished("lab/dr/base").hosts() == {"a", "b"}
    assert Unfinished("lab/dr/core-alpha").hosts() == set()
    Unfinished("lab/dr/base").end(["a"])
    assert Unfinished("lab/dr/base").hosts() == {"b"}
    Unfinished("lab/dr/base").end(["b"])
    assert Unfinished("lab/dr/base").hosts() == set()
