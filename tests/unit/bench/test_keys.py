"""A figure that could not be measured is null with its reason, and never counts as reached."""

from __future__ import annotations

from dingli.bench.commands import BenchFailed
from dingli.bench.keys import KEYS, Figures, Key


def test_a_failed_measurement_leaves_its_keys_null_with_the_reason() -> None:
    def fails() -> dict[str, float]:
        raise BenchFailed("dingli up lab ended with 1", "0", "run it by hand")

    figures = Figures()
    figures.measure(("up_cold_s", "up_noop_s"), fails)
    assert figures.data["up_cold_s"] is None
    assert "dingli up lab ended with 1" in figures.data["up_noop_s_why"]


def test_a_key_that_a_measurement_did_not_give_says_so() -> None:
    figures = Figures()
    figures.measure(("e2e_orders_per_s", "e2e_p99_ms"), lambda: {"e2e_p99_ms": 60.0})
    assert figures.data["e2e_p99_ms"] == 60.0
    assert "no such figure" in figures.data["e2e_orders_per_s_why"]
    assert "e2e_p99_ms_why" not in figures.data


def test_rates_are_reached_from_below_and_times_from_above() -> None:
    rate, seconds = Key("r", "", 500, None, at_least=True), Key("s", "", 10, None)
    assert (rate.reached(499, 500), rate.reached(500, 500)) == (False, True)
    assert (seconds.reached(10, 10), seconds.reached(10.1, 10)) == (True, False)
    assert rate.reached(1, None) is None


def test_no_key_is_listed_twice() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS)
