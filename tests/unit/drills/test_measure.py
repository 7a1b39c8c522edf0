"""Times, from the probe's lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drills import measure
from drills.exceptions import StepFailed, TooLittleSeen
from drills.measure import Order
from drills.probes.records import head_of

MS = 1_000_000
T0 = 10_000 * MS


def at(due_ms: int, took_ms: int | None, epoch: int | None = 7) -> Order:
    """An order due this long after t0."""
    due_ns = T0 + due_ms * MS
    return Order("g1", due_ns, None if took_ms is None else due_ns + took_ms * MS, None if took_ms is None else epoch)


def test_the_probes_clock_is_moved_to_the_controllers(tmp_path: Path) -> None:
    lines = [
        {"wall_ns": 5_000, "monotonic_ns": 1_000},
        {"gateway": "g1", "cl_ord_id": "P1", "due_ns": 1_100, "acked_ns": 1_200, "epoch": 3},
        {"gateway": "g2", "cl_ord_id": "P2", "due_ns": 1_300, "acked_ns": None, "epoch": None},
    ]
    (tmp_path / "probe.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert measure.read_probe(tmp_path / "probe.jsonl", offset_ns=400) == [
        Order("g1", 4_700, 4_800, 3),
        Order("g2", 4_900, None, None),
    ]


@pytest.mark.parametrize("text", ["", "{}\n", '{"wall_ns": 1, "monotonic_ns": 1}\n{"due_ns": 3', "no JSON\n"])
def test_a_probe_file_that_is_none_is_too_little(tmp_path: Path, text: str) -> None:
    (tmp_path / "probe.jsonl").write_text(text)
    with pytest.raises(TooLittleSeen):
        measure.read_probe(tmp_path / "probe.jsonl", 0)


def test_only_a_newer_epoch_ends_the_outage() -> None:
    orders = [at(-20, 2), at(10, 30, epoch=7), at(20, 1_500, epoch=8), at(1_000, 400, epoch=8)]
    assert measure.service_rto_s(orders, T0) == pytest.approx(1.4)  # the earliest acknowledgement, not the first order


def test_an_epoch_is_only_newer_than_one_that_was_seen_before_the_cut() -> None:
    with pytest.raises(TooLittleSeen, match="before the fault"):
        measure.service_rto_s([at(10, 5, epoch=8)], T0)
    with pytest.raises(TooLittleSeen, match="newer epoch"):
        measure.service_rto_s([at(-10, 5), at(10, 5)], T0)


def test_buckets_hold_the_worst_and_the_unanswered() -> None:
    first, second = measure.buckets([at(-1, 3), at(0, 10), at(100, 30), at(249, None)], T0)
    assert (first.at_s, first.orders, first.unanswered, first.worst_ms) == (-0.25, 1, 0, 3.0)
    assert (second.at_s, second.orders, second.unanswered, second.p50_ms, second.worst_ms) == (0.0, 3, 1, 30.0, 30.0)
    [silent] = measure.buckets([at(0, None)], T0)
    assert (silent.p50_ms, silent.worst_ms) == (None, None)


def test_silence_is_between_two_acknowledgements() -> None:
    assert measure.longest_silence_s([at(0, 1), at(100, 1), at(200, 801)]) == pytest.approx(0.9)
    assert measure.longest_silence_s([at(0, 1), at(100, None)]) is None


def test_orders_that_a_lost_gateway_answers_late_make_no_silence_while_others_are_answered() -> None:
    late = [at(0, 20_000), at(10, 20_000)]
    others = [at(due_ms, 5) for due_ms in range(-500, 30_000, 100)]
    assert measure.silence_between_s(late + others, T0, T0 + 9_000 * MS) == pytest.approx(0.1)


def test_only_a_silence_that_touches_the_fault_counts() -> None:
    orders = [at(-9_000, 5), at(-5_000, 5), at(-1_000, 5), at(300, 5), at(400, 5)]
    assert measure.silence_between_s(orders, T0, T0 + 1_000 * MS) == pytest.approx(4.0)
    assert measure.silence_between_s(orders, T0 + 5_000 * MS, T0 + 6_000 * MS) is None


def test_the_dumps_head_is_its_last_entry_and_not_what_cores_told_a_second_ago() -> None:
    dump = '{"n": 1, "value": ""}\n{"n": 2, "value": ""}\n'
    assert head_of(dump, told=1) == 2
    with pytest.raises(StepFailed, match="ends at 2"):
        head_of(dump, told=3)
    with pytest.raises(StepFailed, match="ends at 0"):
        head_of("", told=1)
