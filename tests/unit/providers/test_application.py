"""What is recorded of a roll-out, and what a canary is given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dingli.rollout.health import Subject
from infra.providers.base.exceptions import ProviderError
from infra.providers.deployment.application import changed_hosts, changing, reached_state
from infra.providers.deployment.content import Plays
from infra.providers.deployment.digest import desired, pending
from infra.providers.deployment.kept import Kept
from infra.providers.deployment.outcome import HostOutcome
from infra.providers.deployment.rollout import Course
from tests.unit.status import observed


class _Silent:
    def info(self, message: str) -> None: ...

    progress = warning = info


def _inputs(version: str = "1", **more: Any) -> dict[str, Any]:
    hosts = {name: {"address": f"198.51.100.{n}", "machine_id": name, "vars": {}} for n, name in enumerate("abc")}
    return {
        "environment": "lab",
        "site": "dr",
        "group": "base",
        "playbook": "roles/site.yml",
        "content": {"base": version},
        "vars": {},
        "hosts": hosts,
    } | more


_OLD, _NEW = _inputs("1"), _inputs("2")
_STATE = _OLD | {"applied": desired(_OLD), "drift": {}}
_DONE = HostOutcome(["t"], finished=True)


def _reached(state: dict[str, Any], news: dict[str, Any], **course: Any) -> dict[str, Any]:
    return reached_state(_Silent(), state, news, Course(**course))


def test_a_canary_that_was_taken_back_has_what_it_had_and_all_are_to_be_changed_again() -> None:
    failed = HostOutcome(failure="canary failed")
    reached = _reached(_STATE, _NEW, outcomes={"a": failed}, returned={"a"}, untouched=("b", "c"))

    assert reached["applied"] == desired(_OLD)
    assert reached["former"] == {}
    assert pending(reached, _NEW) == ["a", "b", "c"]
    assert pending(reached, _OLD) == [], "whoever takes the change back has nothing to do"


def test_a_canary_that_could_not_be_taken_back_is_run_again_whatever_is_declared() -> None:
    reached = _reached(_STATE, _NEW, outcomes={"a": HostOutcome(failure="canary failed")})

    assert reached["former"] == {"a": desired(_OLD)["a"]}
    assert pending(reached, _OLD) == ["a"]
    assert changed_hosts(reached, _NEW, "abc") == ["a", "b", "c"], "it has a former version: it is no new host"
    again = _reached(reached, _NEW, outcomes={"a": HostOutcome(failure="again")}, returned={"a"})
    assert again["applied"] == desired(_OLD)


def test_a_host_on_which_nothing_was_begun_keeps_what_is_known_of_it() -> None:
    dead = HostOutcome(failure="no answer", unreachable=True, begun=False)
    reached = _reached(_STATE | {"drift": {"b": ["t"]}}, _NEW, outcomes={"a": _DONE, "b": dead})

    assert reached["applied"] == {"a": desired(_NEW)["a"], "b": desired(_OLD)["b"], "c": desired(_OLD)["c"]}
    assert reached["drift"] == {"b": ["t"]}
    assert reached["reachable"]["b"] is False


def test_a_new_host_that_fails_has_no_former_version() -> None:
    reached = _reached({}, _NEW, outcomes={"a": HostOutcome(failure="no"), "b": _DONE})

    assert reached["applied"] == {"b": desired(_NEW)["b"]}
    assert reached["former"] == {}


def test_only_a_declared_change_of_what_a_host_has_is_a_change() -> None:
    new = _inputs("1", hosts=_OLD["hosts"] | {"n": {"address": "", "machine_id": "n", "vars": {}}})

    assert changed_hosts(_STATE, _NEW, "abc") == ["a", "b", "c"]
    assert changed_hosts(_STATE, new, ["n"]) == [], "never deployed"
    assert changed_hosts(_STATE | {"drift": {"a": ["t"]}}, _OLD, ["a"]) == [], "changed by hand: a repair"
    replaced = _inputs("2", hosts=_OLD["hosts"] | {"a": _OLD["hosts"]["a"] | {"machine_id": "another"}})
    assert changed_hosts(_STATE, replaced, "abc") == ["b", "c"], "an empty machine has nothing that could be changed"


def test_what_leads_is_known_from_the_cells_and_where_nobody_says_from_the_file() -> None:
    environment, seen = observed.environment(), observed.recorded()
    led = changing(environment, observed.picture(seen), Subject("base"), environment.hosts, ())
    silent = changing(
        environment,
        observed.picture(observed.unreached(*environment.hosts)),
        Subject("base"),
        environment.hosts,
        ["dr-1"],
    )

    assert "primary-1" in {one.name for one in led if one.leads}
    assert "dr-1" not in {one.name for one in led if one.leads}
    assert "primary-1" in {one.name for one in silent if one.leads}
    assert not any(one.reachable for one in silent)
    assert [one.name for one in silent if one.unsettled] == ["dr-1"]
    assert {one.architecture for one in led} == {"x86_64", "aarch64"}


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    folder = tmp_path / "roles"
    (folder / "base" / "tasks").mkdir(parents=True)
    (folder / "site.yml").write_text("- {hosts: base, roles: [base]}\n")
    (folder / "base" / "tasks" / "main.yml").write_text("[] # one")
    return folder


def _declared(roles: Path) -> dict[str, Any]:
    return _inputs(content=Plays(roles / "site.yml").content("base"))


def test_former_roles_and_inputs_can_be_had_again(roles: Path) -> None:
    kept, old = Kept("lab/dr/base"), _declared(roles)
    kept.keep(old, ["a"])
    (roles / "base" / "tasks" / "main.yml").write_text("[] # two")

    with kept.unpacked(desired(old)["a"]) as inputs:
        playbook = Path(inputs["playbook"])
        assert (playbook.parent / "base" / "tasks" / "main.yml").read_text() == "[] # one"
        assert Plays(playbook).content("base") == old["content"]
        assert list(inputs["hosts"]) == ["a"]
        assert inputs["hosts"]["a"]["vars"]["dingli_state"] == str(roles.parent / ".dingli" / "lab")
    assert not playbook.exists()


def test_what_was_not_kept_is_said_with_what_to_do(roles: Path) -> None:
    with pytest.raises(ProviderError, match="not kept on this controller"), Kept("lab/dr/base").unpacked("0" * 64):
        pass


def test_roles_that_are_others_by_now_are_not_kept_under_the_wrong_sum(roles: Path) -> None:
    kept, old = Kept("lab/dr/base"), _declared(roles)
    (roles / "base" / "tasks" / "main.yml").write_text("[] # two")
    kept.keep(old, ["a"])

    assert not kept.has(desired(old)["a"])


def test_what_no_host_has_any_more_is_forgotten(roles: Path) -> None:
    kept, old = Kept("lab/dr/base"), _declared(roles)
    kept.keep(old, ["a"])
    (roles / "base" / "tasks" / "main.yml").write_text("[] # two")
    new = _declared(roles)
    kept.keep(new, ["a"])
    kept.prune(desired(new).values())

    assert not kept.has(desired(old)["a"])
    assert kept.has(desired(new)["a"])
    left = list((roles.parent / ".dingli" / "lab" / "deployed" / "dr--base").iterdir())
    assert len(left) == 2
    assert all(json.loads(file.read_text())["content"] == new["content"] for file in left if file.suffix == ".json")
