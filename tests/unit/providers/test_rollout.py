"""The course of a roll-out, over hosts that are a table: what each has, and what each does with a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dingli.rollout import Changing
from dingli.rollout.health import Wellness
from infra.providers.deployment.outcome import HostOutcome
from infra.providers.deployment.rollout import Course, Return, roll_out


class _Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str) -> None:
        self.lines.append(message)

    progress = warning = info


class _Table:
    """Every host has `old` until a run gives it `new`. Hosts fail a task, are unwell afterwards, or are dead."""

    interrupted = False

    def __init__(
        self, *names: str, failing: str = "", unwell: str = "", dead: str = "", unchanged: bool = False
    ) -> None:
        self.has = dict.fromkeys(names, "old")
        self.runs: list[list[str]] = []
        self.asked: list[str] = []
        self._failing, self._unwell, self._dead = failing.split(), unwell.split(), dead.split()
        self._changed = [] if unchanged else ["core : Configure"]

    def run(self, names: Sequence[str]) -> Mapping[str, HostOutcome]:
        self.runs.append(list(names))
        return {name: self._one(name) for name in names}

    def _one(self, name: str) -> HostOutcome:
        if name in self._dead:
            return HostOutcome(failure="no answer", unreachable=True, begun=False)
        self.has[name] = "half" if name in self._failing else "new"
        failure = "core : Configure: no space" if name in self._failing else None
        return HostOutcome(list(self._changed), failure, finished=failure is None)

    def look(self, names: Collection[str]) -> Mapping[str, Wellness]:
        return {name: Wellness({}) for name in names}

    def settle(self, names: Collection[str], before: Mapping[str, Wellness]) -> dict[str, str]:
        self.asked += names
        return {name: "core of alpha lags" for name in names if name in self._unwell and self.has[name] == "new"}

    def take_back(self, name: str, before: Wellness) -> Return:
        self.has[name] = "old"
        return Return("rolled back to what it had", whole=True)


def _changing(*names: str, arm: str = "") -> list[Changing]:
    return [Changing(name, "aarch64" if name in arm.split() else "x86_64") for name in names]


def _went(table: _Table, changing: list[Changing], others: Sequence[str] = (), **more: object) -> tuple[Course, _Log]:
    log = _Log()
    return roll_out(table, changing, others, log, 0.5, **more), log  # type: ignore[arg-type]


def test_a_change_goes_to_a_canary_and_then_in_waves_to_the_rest() -> None:
    table = _Table(*"abcde")
    course, log = _went(table, _changing(*"abcde"))

    assert table.runs == [["a"], ["b", "c", "d"], ["e"]]
    assert all(outcome.done for outcome in course.outcomes.values())
    assert set(table.has.values()) == {"new"}
    assert log.lines[0] == "canary: a (x86_64); if it is well: b, c, d, e"
    assert any(line.startswith("health: a: well") for line in log.lines)
    assert "wave 1 of 2: b, c, d" in log.lines


def test_architectures_have_canaries_at_the_same_time() -> None:
    table = _Table(*"abcd")
    _went(table, _changing(*"abcd", arm="c d"))

    assert table.runs == [["a", "c"], ["b", "d"]]


def test_a_canary_that_fails_is_taken_back_and_the_rest_is_not_touched() -> None:
    table = _Table(*"abc", failing="a")
    course, _ = _went(table, _changing(*"abc"))

    assert table.runs == [["a"]]
    assert set(table.has.values()) == {"old"}
    assert course.returned == {"a"}
    assert course.untouched == ("b", "c")
    assert course.outcomes["a"].failure == ("canary failed: core : Configure: no space; rolled back to what it had")


def test_a_canary_that_is_unwell_is_taken_back_too() -> None:
    table = _Table(*"abc", unwell="a")
    course, _ = _went(table, _changing(*"abc"))

    assert set(table.has.values()) == {"old"}
    assert not course.outcomes["a"].done
    assert "core of alpha lags" in str(course.outcomes["a"].failure)


def test_a_canary_of_another_architecture_that_is_well_keeps_the_change_and_is_seen_to_be_well() -> None:
    table = _Table(*"abcd", failing="c")
    course, _ = _went(table, _changing(*"abcd", arm="c d"))

    assert table.has == {"a": "new", "b": "old", "c": "old", "d": "old"}
    assert table.asked == ["a"]
    assert course.outcomes["a"].done


def test_a_dead_host_says_nothing_and_the_next_is_the_canary() -> None:
    table = _Table(*"abc", dead="a")
    course, _ = _went(table, _changing(*"abc"))

    assert table.runs == [["a"], ["b"], ["c"]]
    assert course.outcomes["b"].done
    assert course.outcomes["c"].done
    assert course.outcomes["a"].failure == "no answer"
    assert course.untouched == ()


def test_new_hosts_wait_for_nobody_and_have_no_say() -> None:
    table = _Table(*"abn", failing="n")
    course, _ = _went(table, _changing(*"ab"), ["n"])

    assert table.runs == [["a", "n"], ["b"]]
    assert "n" not in table.asked
    assert course.outcomes["b"].done


def test_only_new_hosts_are_one_run_without_questions() -> None:
    table = _Table(*"abc")
    course, log = _went(table, [], ["a", "b", "c"])

    assert table.runs == [["a", "b", "c"]]
    assert table.asked == log.lines == []
    assert set(course.outcomes) == {"a", "b", "c"}


def test_what_is_proven_elsewhere_needs_no_canary() -> None:
    table = _Table(*"ab")
    _went(table, _changing("a", "b"), proven=["x86_64"])

    assert table.runs == [["a"], ["b"]]
    assert table.asked == ["a"], "between waves"


def test_a_wave_that_leaves_a_host_unwell_is_the_last() -> None:
    table = _Table(*"abcd", unwell="b")
    course, _ = _went(table, _changing(*"abcd"))

    assert table.runs == [["a"], ["b", "c"]]
    assert table.has == {"a": "new", "b": "new", "c": "new", "d": "old"}
    assert not course.outcomes["b"].done, "the next `up` looks at it again"
    assert course.outcomes["c"].done
    assert course.untouched == ("d",)


def test_a_change_that_changes_nothing_is_not_waited_for() -> None:
    table = _Table(*"ab", unchanged=True)
    _went(table, _changing("a", "b"))

    assert table.asked == []
    assert table.runs == [["a"], ["b"]]


def test_an_interrupted_canary_does_not_count_and_is_not_taken_back() -> None:
    class Interrupted(_Table):
        @property
        def interrupted(self) -> bool:  # type: ignore[override]
            return bool(self.runs)

    table = Interrupted(*"ab")
    course, _ = _went(table, _changing("a", "b"))

    assert table.runs == [["a"]]
    assert table.has["a"] == "new"
    assert not course.outcomes["a"].done
    assert course.untouched == ("b",)


def test_a_host_that_was_in_doubt_is_repaired_and_proves_nothing_for_the_others() -> None:
    table = _Table("a", "b", "c", unwell="b")
    doubted = Changing("a", "x86_64", unsettled=True)
    course = roll_out(table, [doubted, *_changing("b", "c")], [], _Log(), 0.5)

    assert table.runs == [["a"], ["b"]], "the next one is a canary, too"
    assert table.has == {"a": "new", "b": "old", "c": "old"}
    assert course.untouched == ("c",)


def test_hosts_of_an_interrupted_wave_do_not_count_as_done() -> None:
    class Interrupted(_Table):
        @property
        def interrupted(self) -> bool:  # type: ignore[override]
            return len(self.runs) == 2

    table = Interrupted("a", "b", "c")
    course = roll_out(table, _changing("a", "b", "c"), [], _Log(), 0.5)

    assert table.runs == [["a"], ["b", "c"]]
    assert [name for name, outcome in course.outcomes.items() if outcome.done] == ["a"]
