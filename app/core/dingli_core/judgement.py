"""Disagreement about a hash: votes are cast, counted, and acted upon (docs/protocol.md, section 9.4)."""

import json
import time
from collections import Counter
from dataclasses import dataclass

import structlog
from dingli_etcd import Client, EtcdError
from dingli_etcd.operations import is_absent, mod_revision_is, put

from dingli_core import reading
from dingli_core.campaign import step_down
from dingli_core.keys import Keys, escaped
from dingli_core.replica import Replica
from dingli_core.view import CellView

__all__ = ["Judge", "Verdict", "count_votes"]

WAIT_S = 2.0
LOOK_S = 0.2
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`right` is None when no hash has a majority. `wrong` are the cores (as in keys) that voted otherwise."""

    right: str | None
    wrong: tuple[bytes, ...]


def count_votes(votes: dict[bytes, str]) -> Verdict:
    """A hash with more than half of the votes cast, and at least two, is right."""
    ranking = Counter(votes.values()).most_common(1)
    if not ranking or ranking[0][1] < 2 or 2 * ranking[0][1] <= len(votes):
        return Verdict(None, ())
    right = ranking[0][0]
    return Verdict(right, tuple(sorted(core for core, vote in votes.items() if vote != right)))


class Judge:
    """One core's part in it: adds its own vote to every number that is voted on, and judges."""

    def __init__(self, client: Client, keys: Keys, view: CellView, replica: Replica, core: str) -> None:
        self._client = client
        self._keys = keys
        self._view = view
        self._replica = replica
        self._core = core
        self._me = escaped(core)
        self._first_seen: dict[int, float] = {}
        self._judged: set[int] = set()

    async def run(self) -> None:
        while True:
            try:
                for n, votes in self._view.votes().items():
                    await self._consider(n, votes)
            except EtcdError as error:
                log.warning("votes: no answer; trying again", error=str(error))
            await self._view.changed(LOOK_S)

    async def vote(self, n: int) -> None:
        """Publishes this core's hash after n, if it still has it."""
        own = self._replica.hashes.get(n)
        if own is not None:
            await self._client.put(self._keys.vote(n, self._core), own.hex().encode("ascii"))

    async def _consider(self, n: int, votes: dict[bytes, str]) -> None:
        if n in self._judged or self._view.quarantined(self._core):
            return
        first_seen = self._first_seen.setdefault(n, time.monotonic())
        if self._me not in votes:
            await self.vote(n)
        all_votes = dict(votes)
        claim = self._replica.claims.get(n)
        if claim is not None and claim.core and not self._is_settled(claim.epoch, n):
            all_votes[escaped(claim.core)] = claim.hash.hex()
            # Who has executed the next entry has accepted its claim, though it may not keep so old a hash any more:
            # a core that replays the log and errs must not halt a cell whose other cores went on long ago.
            for core in self._view.fresh_cores(n + 1) - {self._me}:
                all_votes.setdefault(core, claim.hash.hex())
        own = self._replica.hashes.get(n)
        if own is not None:
            all_votes.setdefault(self._me, own.hex())
        if len(set(all_votes.values())) < 2:
            return
        complete = claim is not None and self._view.fresh_cores() <= all_votes.keys()
        if complete or time.monotonic() - first_seen >= WAIT_S:
            await self._act(n, count_votes(all_votes))
            self._judged.add(n)

    async def _act(self, n: int, verdict: Verdict) -> None:
        log.error("hashes differ: judged", n=n, right=verdict.right, wrong=[core.decode() for core in verdict.wrong])
        if verdict.right is None:
            content = json.dumps({"n": n, "reason": f"no majority for a hash after entry {n}"}).encode()
            await self._client.txn([is_absent(self._keys.halt)], [put(self._keys.halt, content)])
            return
        claim = self._replica.claims.get(n)
        for core in verdict.wrong:
            await self.quarantine(core.replace(b":", b"/").decode("ascii"), n, f"its hash after entry {n} was outvoted")
        # The dispute last: it tells every core that this claim has been dealt with.
        if claim is not None and claim.hash.hex() != verdict.right:
            await step_down(self._client, self._keys, claim.epoch)
            await self._dispute(claim.epoch, n + 1)

    def _is_settled(self, epoch: int, n: int) -> bool:
        disputed = self._view.disputed_from(epoch)
        return disputed is not None and disputed <= n + 1

    async def quarantine(self, core: str, n: int, reason: str) -> None:
        """Create-only: the first reason stays."""
        content = {"core": core, "n": n, "reason": reason, "at_ns": time.time_ns()}
        key = self._keys.quarantine(core)
        await self._client.txn([is_absent(key)], [put(key, json.dumps(content).encode())])

    async def _dispute(self, epoch: int, n: int) -> None:
        key = self._keys.disputed(epoch)
        found = (await self._client.range(key)).kvs
        known = reading.number(found[0].value) if found else None
        if known is not None and known <= n:
            return
        revision = found[0].mod_revision if found else 0
        await self._client.txn([mod_revision_is(key, revision)], [put(key, b"%d" % n)])
