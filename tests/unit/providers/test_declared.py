"""What a Deployment is told grows with what concerns it, not with the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dingli.environment import Environment, project_root
from dingli.stacks.variables import cell_variables, common_variables, host_variables
from infra.providers.deployment.content import Plays
from infra.providers.deployment.declared import DeploymentScope, deployment_inputs
from infra.providers.deployment.packing import unpacked
from tests.unit.bench.test_generated import generated

_ROLES = project_root() / "roles"


def test_only_roles_of_base_read_what_only_base_is_told() -> None:
    plays = {play["hosts"]: play["roles"] for play in yaml.safe_load((_ROLES / "site.yml").read_text())}
    others = {role for group, roles in plays.items() if group != "base" for role in roles} - set(plays["base"])
    assert others
    for role in sorted(others):
        for file in (_ROLES / role).rglob("*"):
            if file.suffix in (".yml", ".j2", ".py") and "tests" not in file.parts:
                found = {name for name in ("dingli_hosts", "groups[", "groups.") if name in file.read_text()}
                assert not found, f"{file} reads {found}: tell it to that group"


def test_only_deployments_of_base_are_told_about_every_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roles").symlink_to(_ROLES)
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    environment = generated(tmp_path, 100)
    machines = dict.fromkeys(environment.hosts, "0" * 32)
    base, journal = (
        deployment_inputs(DeploymentScope(environment, "primary", group), machines) for group in ("base", "journal")
    )

    assert (len(base["hosts"]), len(journal["hosts"])) == (33, 1)
    assert "dingli_hosts" in set(unpacked(base["vars"])) - set(unpacked(journal["vars"]))
    assert all(isinstance(host["vars"], str) for host in base["hosts"].values())
    assert {"witness", "site_dr"} <= set(unpacked(base["groups"]))
    assert unpacked(journal["groups"]) == {}


def test_a_cells_deployments_are_told_of_other_cells_only_where_they_share_a_host(tmp_path: Path) -> None:
    def cells(environment: Environment) -> list[str]:
        return [cell["name"] for cell in cell_variables(environment, "cell-2")["dingli_journal"]["cells"]]

    environment = generated(tmp_path, 100)
    second, third = environment.cells["cell-2"], environment.cells["cell-3"]
    beside = third.model_copy(update={"gateways": second.gateways})
    assert cells(environment) == ["cell-2"]
    assert cells(environment.model_copy(update={"cells": {**environment.cells, "cell-3": beside}})) == [
        "cell-2",
        "cell-3",
    ]
    assert len(common_variables(environment)["dingli_journal"]["cells"]) == 5


def test_a_new_host_or_cell_is_no_change_for_another_cell(tmp_path: Path) -> None:
    def told(environment: Environment) -> tuple[object, ...]:
        cell = environment.cells["cell-2"]
        placed = {"core": [core.host for core in cell.cores], "gateway": cell.gateways}
        return tuple(
            {name: value for name, value in variables.items() if name in plays.named_variables(group)}
            for group, hosts in placed.items()
            for variables in (
                cell_variables(environment, cell.name),
                *(host_variables(environment, one, cell.name) for one in hosts),
            )
        )

    plays = Plays(_ROLES / "site.yml")

    environment = generated(tmp_path, 100)
    fewer = {name: host for name, host in environment.hosts.items() if name not in ("primary-33", "dr-20")}
    cells = {name: cell for name, cell in environment.cells.items() if name != "cell-5"}
    assert told(environment.model_copy(update={"hosts": fewer, "cells": cells})) == told(environment)
