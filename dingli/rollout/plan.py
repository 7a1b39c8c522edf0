"""Which hosts are changed first, and which after them. Pure: what is known of hosts comes in, names come out."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

__all__ = ["Changing", "canaries", "waves"]


@dataclass(frozen=True)
class Changing:
    """A host that has its role already and is to get another version of it."""

    name: str
    architecture: str
    leads: bool = False
    """A cell is led from it, or the journal."""
    unsettled: bool = False
    """Its last change did not come to a good end: whatever it does for others is in doubt already."""
    reachable: bool = True
    idle: bool = False
    """It is only prepared: that nothing goes wrong there says little."""


def canaries(
    changing: Sequence[Changing], *, proven: Collection[str] = (), preferred: Collection[str] = ()
) -> tuple[str, ...]:
    """One host of each architecture that is not `proven` yet; of equals, the first.

    A host from which something is led is taken only if there is no other. One that can be reached and does its work
    goes before one that does not, one that is unsettled before those that are well, and one that is a canary already
    (`preferred`) before others.
    """
    found = []
    for architecture in dict.fromkeys(one.architecture for one in changing):
        if architecture not in proven:
            candidates = [one for one in changing if one.architecture == architecture]
            chosen = min(
                candidates,
                key=lambda one: (
                    one.leads,
                    not one.reachable,
                    one.idle,
                    not one.unsettled,
                    one.name not in preferred,
                ),
            )
            found.append(chosen.name)
    return tuple(found)


def waves(rest: Sequence[Changing], ratio: float, whole: Sequence[Changing] | None = None) -> list[tuple[str, ...]]:
    """The hosts that follow the canaries. A wave has, of each architecture, at most the share `ratio` of the hosts of
    `whole` (canaries included), and at least one; what leads comes last."""
    counted = rest if whole is None else whole
    queues: list[tuple[int, list[str]]] = []
    for architecture in dict.fromkeys(one.architecture for one in rest):
        size = max(1, math.ceil(ratio * sum(one.architecture == architecture for one in counted)))
        members = sorted((one for one in rest if one.architecture == architecture), key=lambda one: one.leads)
        queues.append((size, [one.name for one in members]))
    found = []
    while any(queue for _, queue in queues):
        found.append(tuple(name for size, queue in queues for name in queue[:size]))
        queues = [(size, queue[size:]) for size, queue in queues]
    return found
