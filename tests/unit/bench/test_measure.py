"""What is measured follows from the environment, for any of its cells."""

from __future__ import annotations

import pytest

from dingli.bench.commands import BenchFailed
from dingli.bench.keys import KEYS
from dingli.bench.measure import _candidate, _drill, _steps, measure, wanted
from dingli.environment import load
from dingli.exceptions import InputError


def test_the_core_that_takes_over_is_of_the_cell_and_at_another_site() -> None:
    environment = load("lab")
    alpha, beta = environment.cells["alpha"], environment.cells["beta"]
    assert _candidate(environment, alpha, emulated=False) == "standby-1/minimal"
    assert _candidate(environment, alpha, emulated=True) == "standby-2/minimal"
    assert _candidate(environment, beta, emulated=False) == "primary-2/minimal"
    assert _candidate(environment, beta, emulated=True) == ""


def test_a_cell_without_an_emulated_core_says_so_and_is_not_touched() -> None:
    environment = load("lab")
    with pytest.raises(BenchFailed, match="no core of beta"):
        _drill(environment, environment.cells["beta"], "site_loss", 1, "--takeover-by", "")


def test_every_figure_of_a_step_is_a_key() -> None:
    environment = load("lab")
    names = [name for _, names, _ in _steps(environment, environment.cells["beta"], 1) for name in names]
    assert sorted(names) == sorted(key.name for key in KEYS)


def test_a_cell_or_a_step_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="omega"):
        measure("lab", {"switch"}, 1, "omega")
    with pytest.raises(InputError, match="swatch"):
        measure("lab", {"swatch"}, 1)


def test_a_refresh_of_a_thousand_hosts_runs_only_if_it_is_asked_for() -> None:
    assert wanted("switch", set())
    assert not wanted("refresh", set())
    assert wanted("refresh", {"refresh"})
    assert not wanted("switch", {"refresh"})
