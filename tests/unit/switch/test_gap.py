"""The gap of a switch, from the journal's entries; and what earlier runs measured."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

from dingli.evidence import Store
from dingli.switch.gap import EntryTime, epoch_at, measure_gap, read_times
from dingli.switch.history import last_measured

MS = 1_000_000


def entries(*moments: tuple[int, int]) -> list[EntryTime]:
    """(epoch, milliseconds) from entry 11 on."""
    return [EntryTime(11 + i, epoch, at * MS) for i, (epoch, at) in enumerate(moments)]


def test_the_longest_distance_around_the_change_is_the_gap() -> None:
    gap = measure_gap(entries((7, 0), (7, 100), (9, 420), (9, 500), (9, 700)), 7)
    assert gap is not None
    assert (gap.seconds, gap.before, gap.after, gap.first, gap.epoch, gap.entries) == (0.32, 12, 13, 13, 9, 5)


def test_a_new_leader_that_pauses_after_its_first_entry_counts_too() -> None:
    gap = measure_gap(entries((7, 0), (9, 100), (9, 900), (9, 950)), 7)
    assert gap is not None
    assert (gap.seconds, gap.before, gap.after, gap.first, gap.at_change_s) == (0.8, 12, 13, 12, 0.1)


def test_without_an_entry_on_both_sides_there_is_no_gap() -> None:
    assert measure_gap([], 7) is None
    assert measure_gap(entries((7, 0), (7, 100)), 7) is None
    assert measure_gap(entries((9, 0), (9, 100)), 7) is None


def test_after_several_leaders_in_a_row_the_last_one_counts_as_the_old() -> None:
    hops = entries((5, 0), (7, 100), (7, 200), (9, 9_000), (9, 9_100))
    assert [epoch_at(hops, head) for head in (11, 13, 10)] == [5, 7, 5]
    gap = measure_gap(hops, epoch_at(hops, 13))
    assert gap is not None
    assert (gap.at_change_s, gap.first) == (8.8, 14)


def test_times_are_read_from_the_raw_entries() -> None:
    raw = (
        b"DJ\x01\x00" + struct.pack(">IQQ16sQ32sI", 1, 777, 42, b"b" * 16, 1_795_000_000_000, b"h" * 32, 1) + b"\0" * 30
    )
    line = json.dumps({"n": 42, "mod_revision": 5, "value": base64.b64encode(raw).decode()})
    assert read_times(line + "\n") == [EntryTime(42, 777, 1_795_000_000_000)]


def run(state: Path, number: int, kind: str, report: dict[str, object]) -> None:
    folder = state / "evidence" / f"{number:06d}-{kind}-20261121T000000Z"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report))


def test_the_newest_switch_to_the_same_core_is_expected_again(tmp_path: Path) -> None:
    store = Store("lab", tmp_path)
    assert last_measured(store, "alpha", "a/main") is None
    run(tmp_path, 1, "drill", {"cell": "alpha", "failback_gap_s": 0.9})
    run(tmp_path, 2, "switch", {"cell": "alpha", "target": "a/main", "gap": {"seconds": 0.3}})
    run(tmp_path, 3, "switch", {"cell": "alpha", "target": "b/main", "gap": {"seconds": 0.4}})
    run(tmp_path, 4, "switch", {"cell": "beta", "target": "a/main", "gap": {"seconds": 0.5}})
    run(tmp_path, 5, "switch", {"cell": "alpha", "target": "a/main"})
    (tmp_path / "evidence" / "000006-up-20261121T000000Z").mkdir()

    same, other = last_measured(store, "alpha", "a/main"), last_measured(store, "alpha", "d/main")

    assert same is not None
    assert other is not None
    assert (same.gap_s, same.exact, same.run[:6]) == (0.3, True, "000002")
    assert (other.gap_s, other.exact) == (0.4, False)
