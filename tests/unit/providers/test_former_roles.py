"""A run with what was kept: former roles, plugins and variables, whatever is in the clone by now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.providers.base.cancellation import Cancellation
from infra.providers.deployment.content import Plays
from infra.providers.deployment.digest import desired
from infra.providers.deployment.kept import Kept
from infra.providers.deployment.playbook import run_playbook

_TASK = """
- name: Write
  ansible.builtin.copy:
    dest: "{{ target }}/written"
    content: "%s {{ version }} {{ 'x' | told }} {{ dingli_state }}"
"""
_FILTER = """
class FilterModule:
    def filters(self):
        return {"told": lambda text: "%s"}
"""


class _Silent:
    def info(self, message: str) -> None: ...

    progress = warning = info


def _write(roles: Path, version: str) -> None:
    (roles / "base" / "tasks" / "main.yml").write_text(_TASK % f"role {version}")
    (roles / "filter_plugins" / "telling.py").write_text(_FILTER % f"filter {version}")


def _inputs(roles: Path, target: Path, version: str) -> dict[str, Any]:
    local = {"ansible_connection": "local", "ansible_become": False, "target": str(target), "version": version}
    return {
        "environment": "lab",
        "site": "dr",
        "group": "base",
        "playbook": "roles/site.yml",
        "content": Plays(roles / "site.yml").content("base"),
        "vars": {},
        "hosts": {"a": {"address": "127.0.0.1", "machine_id": "m", "vars": local}},
    }


def _run(inputs: dict[str, Any]) -> None:
    outcome = run_playbook(inputs, ["a"], check=False, log=_Silent(), cancellation=Cancellation())
    assert outcome.hosts["a"].done, outcome.hosts["a"].failure


def test_a_host_is_given_again_exactly_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    roles, target = tmp_path / "roles", tmp_path / "target"
    for folder in (roles / "base" / "tasks", roles / "filter_plugins", target):
        folder.mkdir(parents=True)
    (roles / "site.yml").write_text("- {hosts: base, gather_facts: false, roles: [base]}\n")
    _write(roles, "1")
    old = _inputs(roles, target, "1")
    Kept("lab/dr/base").keep(old, ["a"])
    _write(roles, "2")

    with Kept("lab/dr/base").unpacked(desired(old)["a"]) as former:
        _run(former)
    assert (target / "written").read_text() == f"role 1 1 filter 1 {tmp_path}/.dingli/lab"
    (roles / "site.yml").write_text("- {hosts: base, gather_facts: false, vars: {dingli_state: x}, roles: [base]}\n")
    _run(_inputs(roles, target, "2"))
    assert (target / "written").read_text() == "role 2 2 filter 2 x"
