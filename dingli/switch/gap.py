"""How long a cell committed nothing around a change of leader, from the journal's own entries."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["EntryTime", "Gap", "epoch_at", "measure_gap", "read_times"]

_HEADER = struct.Struct(">8xQQ16xQ")  # docs/protocol.md, section 3: epoch, n, time
_HEADER_CHARACTERS = 64  # base64 of the first 48 bytes, which hold them


@dataclass(frozen=True)
class EntryTime:
    """One committed entry; `time_ns` is the clock of the leader that wrote it."""

    n: int
    epoch: int
    time_ns: int


@dataclass(frozen=True)
class Gap:
    """The longest time between two neighbouring entries, `before` and `after`; `first` is the first of the new epoch.

    `at_change_s` is the time between the last entry of the old leader and the first of the new one; the difference of
    their clocks (at most 100 ms) is in it.
    """

    seconds: float
    at_change_s: float
    before: int
    after: int
    first: int
    epoch: int
    entries: int


def read_times(dump: str) -> list[EntryTime]:
    """From the JSON lines of the control program's `dump`."""
    found = []
    for line in dump.splitlines():
        header = base64.b64decode(json.loads(line)["value"][:_HEADER_CHARACTERS])
        epoch, n, time_ns = _HEADER.unpack(header)
        found.append(EntryTime(n, epoch, time_ns))
    return found


def measure_gap(entries: Sequence[EntryTime], old_epoch: int) -> Gap | None:
    """None while no entry of a newer epoch is committed, or none of the old one is there to count from."""
    first = _first_of_newer(entries, old_epoch)
    if first is None or first.n == entries[0].n:
        return None
    before, after = max(pairwise(entries), key=lambda pair: pair[1].time_ns - pair[0].time_ns)
    last = entries[first.n - entries[0].n - 1]
    seconds, at_change_s = ((b.time_ns - a.time_ns) / 1e9 for a, b in ((before, after), (last, first)))
    return Gap(round(seconds, 6), round(at_change_s, 6), before.n, after.n, first.n, first.epoch, len(entries))


def epoch_at(entries: Sequence[EntryTime], head: int) -> int:
    """Under which epoch the cell stood at entry `head`: whoever led last while nobody leads. `entries` holds some."""
    return max((one.epoch for one in entries if one.n <= head), default=entries[0].epoch)


def _first_of_newer(entries: Iterable[EntryTime], old_epoch: int) -> EntryTime | None:
    return next((one for one in entries if one.epoch > old_epoch), None)
