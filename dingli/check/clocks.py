"""Clocks: how far each host's is from the controller's, and hosts' from each other.

A host reads its clock at the beginning and the end of the script; the controller before asking and after the answer.
The host cannot have begun before it was asked, nor ended after it had answered: two bounds, whatever the network did.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dingli.check.contact import Seen
from dingli.check.finding import Finding, State

__all__ = ["Offset", "judge", "offset_of"]

_REMEDY = "on {host}: `chronyc tracking`; set its time servers, then `chronyc makestep`"


@dataclass(frozen=True)
class Offset:
    """Seconds by which a host's clock is ahead of the controller's: at least `low`, at most `high`."""

    host: str
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


def offset_of(seen: Seen) -> Offset | None:
    """The bounds, or None if the host was not asked."""
    if seen.facts is None:
        return None
    ahead, behind = seen.facts.began_s - seen.sent_s, seen.facts.ended_s - seen.answered_s
    return Offset(seen.host, min(behind, ahead), max(behind, ahead))


def judge(all_seen: Sequence[Seen], limit_s: float) -> Iterator[Finding]:
    """One finding per host, and one about the two hosts that are furthest apart."""
    offsets = []
    for seen in all_seen:
        offset = offset_of(seen)
        if offset is None:
            yield Finding(seen.host, "clock", State.UNKNOWN, "the host could not be asked")
            continue
        offsets.append(offset)
        yield _against_controller(offset, limit_s)
    if len(offsets) > 1:
        yield _between(offsets, limit_s)


def _against_controller(offset: Offset, limit_s: float) -> Finding:
    certain = max(offset.low, -offset.high, 0.0)  # it is off by this much, however the time of the journey is split
    possible = max(abs(offset.low), abs(offset.high))
    found = f"{offset.middle:+.3f} s (±{(offset.high - offset.low) / 2:.3f})"
    expected = f"within {limit_s:g} s of the controller's clock"
    if certain > limit_s:
        return Finding(offset.host, "clock", State.FAILED, found, expected, _REMEDY.format(host=offset.host))
    if possible > limit_s:
        return Finding(offset.host, "clock", State.UNKNOWN, found, expected, "the host answers too slowly: ask again")
    return Finding(offset.host, "clock", State.GOOD, found)


def _between(offsets: Sequence[Offset], limit_s: float) -> Finding:
    def certain(pair: tuple[Offset, Offset]) -> float:
        one, other = pair
        return max(one.low - other.high, other.low - one.high, 0.0)

    worst = max(itertools.combinations(offsets, 2), key=certain)
    subject = f"{worst[0].host}, {worst[1].host}"
    found = f"at least {certain(worst):.3f} s apart"
    if certain(worst) > limit_s:
        remedy = "let all hosts follow the same time servers: `chronyc sources` on each"
        return Finding(subject, "clocks between hosts", State.FAILED, found, f"at most {limit_s:g} s", remedy)
    return Finding("all hosts", "clocks between hosts", State.GOOD, f"none seen more than {limit_s:g} s apart")
