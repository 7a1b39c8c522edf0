"""Environments that are made and not written: valid at every size, and the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dingli.bench.generated import HOSTS_OF_A_CELL, environment_text, fingerprint, handover_text, sizes
from dingli.environment import Environment, load
from infra.providers.deployment.declared import scopes


def generated(folder: Path, hosts: int) -> Environment:
    file = folder / "scale.yaml"
    file.write_text(environment_text("scale", hosts, "handover.yaml"))
    (folder / "handover.yaml").write_text(handover_text(hosts))
    return load(file)


@pytest.mark.parametrize("hosts", [20, 100, 500, 1000])
def test_an_environment_of_any_size_has_no_mistakes(tmp_path: Path, hosts: int) -> None:
    environment = generated(tmp_path, hosts)

    assert (len(environment.sites), len(environment.cells)) == (5, hosts // HOSTS_OF_A_CELL)
    assert len(environment.hosts) == sum(sizes(hosts).values()) == hosts
    assert all(host.host_key_sha256 == fingerprint(host.name) for host in environment.hosts.values())


def test_the_same_size_gives_the_same_text() -> None:
    assert environment_text("scale", 100, "x") == environment_text("scale", 100, "x")
    assert handover_text(100) == handover_text(100)


@pytest.mark.parametrize("hosts", [100, 1000])
def test_resources_are_hosts_and_five_deployments_a_cell(tmp_path: Path, hosts: int) -> None:
    environment = generated(tmp_path, hosts)
    found = [scope.group for site in environment.sites for scope in scopes(environment, site)]
    cells, of_stacks = len(environment.cells), 5 * (1 + 1 + 2)  # the stack, its Site, a provider of each kind

    assert found.count("base") == 5
    assert (found.count("journal"), found.count("ops")) == (3, 2)
    assert (found.count("core"), found.count("gateway")) == (3 * cells, 2 * cells)
    assert hosts + len(found) + of_stacks <= 1300
