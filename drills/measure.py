"""RTO and silence, as the probes and the members saw them.

Service RTO: from the fault to the first acknowledgement under a newer epoch, on any gateway. Member RTO: the same
for each member that uses a standard FIX client (HeartBtInt 5, ReconnectInterval 1), the worst of them. Both in seconds
on the controller's clock.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from drills.checker import record
from drills.exceptions import TooLittleSeen

BUCKET_S = 0.25
PROBE = "probe.jsonl"


def probe_of(cell: str) -> str:
    """The file of the probe that watches a cell that is not drilled."""
    return f"probe-{cell}.jsonl"


@dataclass(frozen=True)
class Order:
    """One probe order: when it was due and when it was acknowledged (ns, controller's clock)."""

    gateway: str
    due_ns: int
    acked_ns: int | None
    epoch: int | None


@dataclass(frozen=True)
class Bucket:
    """Probe orders that were due in one slice of time, seconds from t0."""

    at_s: float
    orders: int
    unanswered: int
    p50_ms: float | None
    worst_ms: float | None


def read_probe(path: Path, offset_ns: int) -> list[Order]:
    """The probe's orders, on the controller's clock; raises TooLittleSeen for a file that cannot be read."""
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        shift = _shift(lines[0], offset_ns)
        return [
            Order(
                one["gateway"],
                one["due_ns"] + shift,
                one["acked_ns"] + shift if one["acked_ns"] else None,
                one["epoch"],
            )
            for one in lines[1:]
        ]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise TooLittleSeen(f"{path.name}: {type(error).__name__}: {error}", "the probe's output") from error


def _shift(tie: dict[str, int], offset_ns: int) -> int:
    """What to add to the load host's monotonic time for the controller's wall clock."""
    return tie["wall_ns"] - tie["monotonic_ns"] - offset_ns


def epoch_before(orders: Iterable[Order], t0_ns: int) -> int:
    """The newest epoch acknowledged before t0; raises TooLittleSeen when there is none."""
    epochs = [
        one.epoch for one in orders if one.epoch is not None and one.acked_ns is not None and one.acked_ns < t0_ns
    ]
    if not epochs:
        raise TooLittleSeen("no probe order was acknowledged before the fault", "some")
    return max(epochs)


def service_rto_s(orders: Iterable[Order], t0_ns: int) -> float:
    """Seconds to the first acknowledgement with a newer epoch; raises TooLittleSeen when there is none."""
    orders = list(orders)
    old = epoch_before(orders, t0_ns)
    later = [one.acked_ns for one in orders if one.acked_ns is not None and one.epoch is not None and one.epoch > old]
    if not later:
        raise TooLittleSeen("no probe order was acknowledged under a newer epoch", "a takeover that clients noticed")
    return (min(later) - t0_ns) / 1e9


def member_rto_s(records: Iterable[Path], probe: Path, old_epoch: int, t0_ns: int, offset_ns: int) -> dict[str, float]:
    """For each member: seconds to its first report under a newer epoch. They share the probe's clock."""
    shift = _shift(json.loads(probe.read_text().splitlines()[0]), offset_ns)
    first: dict[str, float] = {}
    for message in record.read(records).receives:
        exec_id = message.tags.get("17", "")
        if exec_id.count(".") == 3 and int(exec_id.split(".")[1]) > old_epoch:
            first.setdefault(message.session, (message.at_ns + shift - t0_ns) / 1e9)
    return first


def buckets(orders: Iterable[Order], t0_ns: int) -> list[Bucket]:
    """The probe's latencies by due time."""
    slices: dict[int, list[Order]] = defaultdict(list)
    for one in orders:
        slices[int((one.due_ns - t0_ns) / 1e9 // BUCKET_S)].append(one)
    result = []
    for number, members in sorted(slices.items()):
        waits = sorted((one.acked_ns - one.due_ns) / 1e6 for one in members if one.acked_ns is not None)
        p50, worst = (waits[len(waits) // 2], waits[-1]) if waits else (None, None)
        result.append(Bucket(number * BUCKET_S, len(members), len(members) - len(waits), p50, worst))
    return result


def longest_silence_s(orders: Iterable[Order]) -> float | None:
    """Longest time without any acknowledgement between the first and the last; None with fewer than two."""
    return max(((later - earlier) / 1e9 for earlier, later in _silences(orders)), default=None)


def silence_between_s(orders: Iterable[Order], from_ns: int, to_ns: int) -> float | None:
    """The longest that touches the time from 2 s before one moment to 5 s after the other.

    All acknowledgements count: orders that a lost gateway had taken are answered long after their neighbours.
    """
    begin, end = from_ns - 2 * 10**9, to_ns + 5 * 10**9
    touching = ((earlier, later) for earlier, later in _silences(orders) if later > begin and earlier < end)
    return max(((later - earlier) / 1e9 for earlier, later in touching), default=None)


def _silences(orders: Iterable[Order]) -> Iterable[tuple[int, int]]:
    return pairwise(sorted(one.acked_ns for one in orders if one.acked_ns is not None))


def epochs(orders: Iterable[Order]) -> list[int]:
    """Under which epochs orders were acknowledged."""
    return sorted({one.epoch for one in orders if one.epoch is not None})
