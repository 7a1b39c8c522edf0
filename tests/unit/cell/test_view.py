"""What a cell says of itself, as the controller reads it, and whether that is steady."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from dingli.cell import Member, View
from dingli.cell.view import parse
from dingli.environment import load
from drills.probes.cell import _not_steady, behind
from drills.settings import Settings

TRIAL = Path(__file__).resolve().parents[1] / "drills" / "trial.yaml"
CORES = ("a/main", "b/minimal", "c/minimal", "d/main")


def status(**changes: Any) -> dict[str, Any]:
    """The answer of the core's control program about a steady cell; CORE__KEY=value changes one core."""
    now = time.time_ns()
    cores = {
        core: {"role": "follower", "head": 10, "hash": "ab", "lag_ms": 5, "replay_per_s": 9, "time_ns": now}
        for core in CORES
    }
    cores["a/main"]["role"] = "leader"
    return {"leader": {"core": "a/main", "epoch": 7}, "cores": cores, "quarantined": [], "halted": None, **changes}


def core(name: str, **changes: Any) -> dict[str, Any]:
    """A steady cell but for one core."""
    said = status()
    said["cores"][name] |= changes
    return said


def members(leads: str = "b", down: str = "") -> tuple[Member, ...]:
    return tuple(Member(name, healthy=name != down, leads=name == leads) for name in ("a", "b", "d"))


@pytest.fixture
def settings() -> Settings:
    environment = load(TRIAL)
    return Settings(environment, environment.cells["alpha"], "one", "", 20, 60, 100.0, "")


def test_a_steady_cell_is_steady(settings: Settings) -> None:
    assert _not_steady(parse(status(), members()), settings) is None


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (parse(status(halted={"n": 3}), members()), "halted"),
        (parse(status(quarantined=["b/minimal"]), members()), "quarantined: b/minimal"),
        (parse(status(), members(down="d")), "journal members down: d"),
        (parse(status(leader=None), members()), "nobody leads"),
        (parse(core("a/main", role="follower"), members()), "a/main holds the leader key and does not say"),
        (parse(status(leader={"core": "b/minimal", "epoch": 8}), members()), "b/minimal leads, a/main should"),
        (parse(core("d/main", time_ns=0), members()), "cores that say nothing: d/main"),
        (parse(status(), members(leads="a")), "the journal's leader is a, expected on the other site of east"),
        (parse(status(), members(leads="d")), "the journal's leader is d"),
        (parse(status(), members(leads="")), "the journal has no leader"),
        (parse(core("b/minimal", lag_ms=101), members()), "b/minimal lags 101 ms"),
        (parse(core("c/minimal", lag_ms=3001), members()), "c/minimal lags 3001 ms"),
        (parse(core("d/main", hash="cd"), members()), "hashes differ at 10"),
        (parse(core("b/minimal", role="starting", head=3), members()), "b/minimal stands at entry 3 of 10"),
        (parse(core("a/main", head=1_012), members()), "stands at entry 10 of 1012"),
    ],
)
def test_what_is_not_steady_is_said(settings: Settings, view: View, why: str) -> None:
    assert why in (_not_steady(view, settings) or "nothing")


def test_an_emulated_core_may_lag_more_and_other_heads_have_other_hashes(settings: Settings) -> None:
    assert _not_steady(parse(core("c/minimal", lag_ms=2_000), members()), settings) is None
    assert _not_steady(parse(core("d/main", head=9, hash="cd"), members()), settings) is None


def test_a_core_that_a_drill_holds_back_does_not_count_asbehind(settings: Settings) -> None:
    assert behind(parse(core("b/minimal", head=0, time_ns=0), members()), settings) is None
