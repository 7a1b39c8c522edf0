"""Who may campaign, after how long, and how a quarrel about hashes is judged. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from dingli_minicore.keys import View
from dingli_minicore.replica import Replica

__all__ = ["Ballot", "ClockCheck", "Verdict", "campaign_delay_s", "failover_limitation", "judge"]

_JUDGE_AFTER_S = 2.0
_MOST_OFF_S = 0.1


def failover_limitation(view: View, core_id: str, behind: int, lease_alive: bool, clock: str | None) -> str | None:
    """The first reason why this core may not campaign; None if it may."""
    policy, handover = view.policy, view.handover
    if view.leader is not None:
        return f"{view.leader.core} leads"
    if view.halted:
        return "the cell is halted"
    if view.is_quarantined(core_id):
        return "this core is quarantined"
    if policy is None or core_id not in policy.cores:
        return "the policy does not name this core"
    if handover is not None and handover[0] != core_id:
        return f"leadership is handed over to {handover[0]}"
    if handover is None and policy.cores[core_id] != "automatic":
        return "this core takes over by hand only"
    if behind:
        return f"{behind} entries are not applied"
    if not lease_alive:
        return "the lease is not alive"
    return clock


def campaign_delay_s(view: View, core_id: str, lagged: int) -> float:
    """How long to wait after the leader key is gone; `lagged` entries were not applied at that moment."""
    policy, handover = view.policy, view.handover
    named = handover is not None and handover[0] == core_id
    place = 0 if named or policy is None else policy.place(core_id)
    return 0.15 * place + min(1.0, lagged / 1000)


class ClockCheck:
    """Bounds of the offset to a member's host, from the whole seconds of its Date headers.

    An answer dated D was made between D and D + 1 of the server's clock, and between sending and receiving of ours.
    Many answers at different parts of a second bound the offset to about a round trip.
    """

    def __init__(self) -> None:
        self._bounds: deque[tuple[float, float]] = deque(maxlen=60)
        self._member = -1

    def add(self, member: int, sent: float, received: float, date: str) -> None:
        """Account for one answer; times in seconds since 1970."""
        if member != self._member:
            self._member = member
            self._bounds.clear()
        try:
            server = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self._bounds.append((server - received, server + 1 - sent))

    def limitation(self) -> str | None:
        """Why the clock cannot be trusted, where that can be told."""
        if not self._bounds:
            return None
        low, high = max(each[0] for each in self._bounds), min(each[1] for each in self._bounds)
        if low > high:
            self._bounds.clear()  # a clock was set meanwhile: begin anew
            return None
        if low > _MOST_OFF_S or high < -_MOST_OFF_S:
            return f"the clock is off by {low:.3f} to {high:.3f} s from the journal member's"
        return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes about the hash before entry n say; cores as key names write them."""

    n: int
    epoch: int
    right: bytes | None
    wrong: tuple[str, ...]
    entry_is_wrong: bool


def judge(n: int, epoch: int, claimed: bytes, cast: dict[str, bytes]) -> Verdict:
    """A hash with more than half of the votes, and at least two, is right; else none is."""
    right, count = Counter(cast.values()).most_common(1)[0]
    if count < 2 or 2 * count <= len(cast):
        return Verdict(n, epoch, None, (), False)
    wrong = tuple(sorted(core for core, vote in cast.items() if vote != right))
    return Verdict(n, epoch, right, wrong, claimed != right)


class Ballot:
    """The votes that this core still has to cast, and those that it can judge."""

    def __init__(self, me: str, replica: Replica) -> None:
        self._me = me
        self._replica = replica
        self._first_seen: dict[int, float] = {}
        self._judged: set[int] = set()

    def owed(self, view: View) -> dict[int, bytes]:
        """Votes to cast, by number: about what stands in the way here, and about what others ask."""
        votes = view.votes()
        asked = set(votes)
        if self._replica.blocked is not None:
            asked.add(self._replica.blocked.n - 1)
        mine = {n: self._replica.hashes[n] for n in asked if n in self._replica.hashes}
        return {n: vote for n, vote in mine.items() if self._me not in votes.get(n, {})}

    def settle(self, verdict: Verdict) -> None:
        """The verdict was carried out."""
        self._judged.add(verdict.n - 1)

    def verdicts(self, view: View, live: dict[str, int], now_s: float) -> list[Verdict]:
        """What can be judged now, each number once; `live`: heads of the policy's cores whose status is young."""
        found = []
        for number, cast in view.votes().items():
            since = self._first_seen.setdefault(number, now_s)
            claim = self._replica.claims.get(number + 1)
            if number in self._judged or claim is None:
                continue
            claimed, epoch = claim
            leader = self._replica.leaders.get(epoch)
            if leader is not None:
                cast |= {leader.replace("/", ":"): claimed}
            if not view.disputes(epoch, number + 1):
                # Who has executed the entry has accepted its claim, though it may not keep so old a hash any more:
                # otherwise one defective core that replays old entries could halt a healthy cell.
                cast = {core: claimed for core, head in live.items() if head > number} | cast
            if live.keys() <= cast.keys() or now_s - since >= _JUDGE_AFTER_S:
                found.append(judge(number + 1, epoch, claimed, cast))
        return found
