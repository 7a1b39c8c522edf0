"""When a changed host is well again, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dingli.rollout.health import Wellness
from dingli.rollout.settling import STEADY_S, settle

_WELL = Wellness({}, {"etcd.service": "100"})
_UNWELL = Wellness({"unit etcd.service": "etcd.service is failed"}, {"etcd.service": "0"})


class _Hosts:
    """`course`: from which second on a host is how; seconds pass as somebody waits."""

    def __init__(self, **course: list[tuple[float, Wellness]]) -> None:
        self.now, self._course = 0.0, course

    def look(self, names: Collection[str]) -> Mapping[str, Wellness]:
        return {name: [state for since, state in self._course[name] if since <= self.now][-1] for name in names}

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def _settled(hosts: _Hosts, before: Mapping[str, Wellness], until_s: float = 1e9) -> dict[str, str]:
    return settle(
        hosts.look,
        list(before),
        before,
        60,
        lambda: hosts.now >= until_s,
        clock=hosts.clock,
        pause=hosts.pause,
    )


def test_a_host_is_well_after_it_stayed_so_for_a_while() -> None:
    hosts = _Hosts(a=[(0, _WELL)])

    assert _settled(hosts, {"a": _WELL}) == {}
    assert STEADY_S <= hosts.now < STEADY_S + 2


def test_what_starts_slowly_is_waited_for() -> None:
    assert _settled(_Hosts(a=[(0, _UNWELL), (30, _WELL)]), {"a": _WELL}) == {}


def test_what_was_wrong_before_does_not_count() -> None:
    assert _settled(_Hosts(a=[(0, _UNWELL)]), {"a": _UNWELL}) == {}


def test_a_host_that_is_not_well_in_time_is_told_with_what_is_wrong() -> None:
    hosts = _Hosts(a=[(0, _UNWELL)], b=[(0, _WELL)])

    assert _settled(hosts, {"a": _WELL, "b": _WELL}) == {"a": "etcd.service is failed"}


def test_a_service_that_is_started_again_and_again_is_not_well() -> None:
    restarts = [(float(second), Wellness({}, {"etcd.service": str(second)})) for second in range(0, 200, 3)]

    assert "again and again" in _settled(_Hosts(a=restarts), {"a": _WELL})["a"]


def test_waiting_can_be_cut_short_and_then_nothing_is_known_to_be_well() -> None:
    assert "interrupted" in _settled(_Hosts(a=[(0, _WELL)]), {"a": _WELL}, until_s=2)["a"]
