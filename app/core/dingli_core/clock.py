"""Whether this host's clock can be trusted, told from the times that the other cores publish.

What another core wrote at its time t arrives here after some delay, so `here - t` is the difference of the clocks plus
that delay: its minimum over several messages bounds the difference from above. That this clock is behind is therefore
certain; that it is ahead is taken for true only when every other core says so, because an overloaded host's messages
are all late, and only beyond what this core's own messages take: a slow journal delays everybody's.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence

from dingli_core.view import CellView

__all__ = ["ClockComparison", "clock_problem"]

LIMIT_NS = 100_000_000
SAMPLES = 10
ENOUGH_SAMPLES = 3
FEWEST_OTHERS = 2


def clock_problem(differences: Mapping[str, Sequence[int]], own_delays: Sequence[int] = ()) -> str | None:
    """Why the clock is wrong; None if it is right or cannot be told.

    `differences` holds, per other core, this clock minus that core's published time at arrival, in nanoseconds;
    `own_delays` the same for what this core published itself.
    """
    least = [min(samples) for samples in differences.values() if len(samples) >= ENOUGH_SAMPLES]
    if len(least) < FEWEST_OTHERS:
        return None
    behind = [difference for difference in least if difference < -LIMIT_NS]
    if 2 * len(behind) > len(least):
        return f"this clock is at least {-max(behind) // 1_000_000} ms behind {len(behind)} other cores"
    ahead = min(least) - max(0, min(own_delays, default=0))
    if ahead > LIMIT_NS:
        return f"this clock seems to be {ahead // 1_000_000} ms ahead of all {len(least)} other cores"
    return None


class ClockComparison:
    """Collects samples as statuses arrive."""

    def __init__(self, view: CellView, core: str) -> None:
        self._view = view
        self._core = core
        self._seen: dict[str, int] = {}
        self._samples: dict[str, deque[int]] = {}
        self._sampled_at: dict[str, float] = {}

    def problem(self) -> str | None:
        now = time.monotonic()
        fresh = {core: samples for core, samples in self._samples.items() if now - self._sampled_at[core] < 5.0}
        own_delays = fresh.pop(self._core, ())
        return clock_problem(fresh, own_delays)

    async def run(self) -> None:
        while True:
            await self._view.changed(1.0)
            now_ns = time.time_ns()
            for status, key in self._view.statuses():
                core, revision = status.core, key.mod_revision
                if self._seen.get(core) == revision:
                    continue
                # The first sight of a status says nothing about its age.
                if core in self._seen:
                    samples = self._samples.setdefault(core, deque(maxlen=SAMPLES))
                    samples.append(now_ns - status.time_ns)
                    self._sampled_at[core] = time.monotonic()
                self._seen[core] = revision
