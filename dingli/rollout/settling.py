"""Waiting until changed hosts are well again, and stay so for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from dingli.rollout.health import Wellness

__all__ = ["STEADY_S", "settle"]

STEADY_S = 6.0
"""Longer than the 5 s for which what a core said last still counts as its present state."""
_PAUSE_S = 0.5

Look = Callable[[Collection[str]], Mapping[str, Wellness]]


def settle(
    look: Look,
    names: Collection[str],
    before: Mapping[str, Wellness],
    patience_s: float,
    ended: Callable[[], bool] = lambda: False,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Those of `names` that were not well in time, and why.

    Well is who has no complaint that it had not `before`, with the same processes, for STEADY_S in a row. `ended` cuts
    the waiting short; who was not seen to be well by then is told as such.
    """
    deadline = clock() + patience_s
    since: dict[str, tuple[float, Mapping[str, str]]] = {}
    waiting = list(names)
    reasons: dict[str, str] = {}
    while waiting:
        seen, now = look(waiting), clock()
        for name in list(waiting):
            new = seen[name].new_since(before[name])
            began, processes = since.get(name, (now, seen[name].processes))
            if new or processes != seen[name].processes:
                since.pop(name, None)
                reason = "; ".join(new.values()) or "its services are started again and again"
                if now > deadline:
                    waiting.remove(name)
                    reasons[name] = reason
            elif now - began >= STEADY_S:
                waiting.remove(name)
            else:
                since[name] = (began, processes)
        if ended():
            return reasons | dict.fromkeys(waiting, "interrupted before it was seen to be well")
        if waiting:
            pause(_PAUSE_S)
    return reasons
