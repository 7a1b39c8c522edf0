"""Who is changed first, and who after them."""

from __future__ import annotations

import pytest

from dingli.rollout import Changing, Stage, canaries, waves


def _x86(*names: str, **said: bool) -> list[Changing]:
    return [Changing(name, "x86_64", **said) for name in names]


def _arm(*names: str) -> list[Changing]:
    return [Changing(name, "aarch64") for name in names]


def test_each_architecture_has_one_canary() -> None:
    assert canaries([*_x86("a", "b"), *_arm("c", "d")]) == ("a", "c")


def test_an_architecture_that_is_proven_has_none() -> None:
    assert canaries([*_x86("a", "b"), *_arm("c")], proven={"x86_64"}) == ("c",)


def test_what_leads_is_no_canary_if_another_host_is_there() -> None:
    assert canaries([*_x86("a", leads=True), *_x86("b")]) == ("b",)
    assert canaries([*_x86("a", leads=True), *_x86("b", reachable=False)]) == ("b",)
    assert canaries([*_x86("a", leads=True), *_arm("c")]) == ("a", "c"), "the only one of its architecture"


def test_a_host_in_doubt_goes_first_and_one_that_is_silent_last() -> None:
    assert canaries([*_x86("a"), *_x86("b", unsettled=True)]) == ("b",)
    assert canaries([*_x86("a", reachable=False), *_x86("b")]) == ("b",)
    assert canaries([*_x86("a", idle=True), *_x86("b")]) == ("b",), "a gateway that is only prepared shows nothing"


def test_a_host_that_is_a_canary_already_is_one_again() -> None:
    assert canaries(_x86("a", "b"), preferred={"b"}) == ("b",)


def test_nothing_to_change_has_neither_canaries_nor_waves() -> None:
    assert canaries([]) == ()
    assert waves([], 0.5) == []


@pytest.mark.parametrize(
    ("hosts", "ratio", "sizes"),
    [(3, 1.0, [2]), (3, 0.5, [2]), (4, 0.5, [2, 1]), (10, 0.3, [3, 3, 3]), (10, 0.01, [1] * 9), (2, 0.5, [1])],
)
def test_a_wave_has_at_most_the_ratio_of_all_hosts_of_an_architecture(
    hosts: int, ratio: float, sizes: list[int]
) -> None:
    whole = _x86(*(f"h{number}" for number in range(hosts)))
    canary = canaries(whole)
    rest = [one for one in whole if one.name not in canary]
    planned = waves(rest, ratio, whole)

    assert [len(wave) for wave in planned] == sizes
    assert [name for wave in planned for name in wave] == [one.name for one in rest], "everyone once"


def test_architectures_are_counted_apart_and_go_together() -> None:
    assert waves([*_x86("a", "b", "c", "d"), *_arm("e")], 0.5) == [("a", "b", "e"), ("c", "d")]


def test_what_leads_is_changed_last() -> None:
    assert waves([*_x86("a", leads=True), *_x86("b", "c")], 0.3) == [("b",), ("c",), ("a",)]


def test_what_a_provider_is_told_is_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first, then = Stage({"core-alpha": ("dr-1",)}), Stage(None, {"core-alpha": ("x86_64",)})
    for stage in (first, then):
        for name, text in stage.variables().items():
            monkeypatch.setenv(name, text)
        assert Stage.current() == stage
    assert first.of("core-alpha", ["primary-1", "dr-1"]) == ["dr-1"]
    assert not first.concerns("base")
    assert then.of("base", ["primary-1"]) == ["primary-1"]
    assert Stage().variables() == {}
