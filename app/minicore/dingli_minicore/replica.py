"""A machine that follows the journal: what it knows, what it may execute, and what stands in its way."""

from __future__ import annotations

import time
from collections.abc import Callable

from dingli_minicore.codec import CORE_KINDS, Entry, Kind, decode_entry
from dingli_minicore.exceptions import MalformedError
from dingli_minicore.machine import Machine, Outcome

__all__ = ["Replica"]

_REMEMBERED = 10_000
_MEASURED = 5_000


class Replica:
    """The machine of a core, with the last 10,000 hashes and what the entries claimed about them."""

    def __init__(self, cell: str) -> None:
        self.machine = Machine(cell)
        self.hashes: dict[int, bytes] = {0: self.machine.hash}
        """H(n) as computed here."""
        self.claims: dict[int, tuple[bytes, int]] = {}
        """By n: the hash after n − 1 that entry n carries, and its epoch."""
        self.leaders: dict[int, str] = {}
        """Core ids by epoch, from the EpochStart entries."""
        self.blocked: Entry | None = None
        """The next entry, if it is not executed because its hash is not ours."""
        self.newest = 0
        """The highest n seen anywhere."""
        self.executing: int | None = None
        """The entry that is being decoded or executed; an exception leaves it here."""
        self._busy_s, self._executed, self.per_s = 0.0, 0, 0

    @property
    def behind(self) -> int:
        """How many entries are known and not applied."""
        return self.newest - self.machine.head

    def lag_ms(self, now_ns: int) -> int:
        """The age of the first entry that is known and not applied."""
        if not self.behind:
            return 0
        since = self.blocked.time if self.blocked is not None else self.machine.time
        return max(0, now_ns - since) // 1_000_000

    def offer(self, n: int, data: bytes, disputed: Callable[[int, int], bool]) -> Outcome | None:
        """Execute entry n if it is the next one and its previous hash is ours or disputed(epoch, n).

        Whatever is raised is a defect at `executing`: the state is unusable afterwards.
        """
        self.newest = max(self.newest, n)
        if n != self.machine.head + 1:
            return None
        self.executing = n
        entry = decode_entry(data)
        if entry.n != n:
            raise MalformedError(f"the key says entry {n}, its bytes say {entry.n}")
        self._remember_claim(entry)
        if entry.previous != self.machine.hash and not disputed(entry.epoch, n):
            self.blocked, self.executing = entry, None
            return None
        return self._execute(entry, data)

    def commit(self, entry: Entry, data: bytes) -> Outcome:
        """Execute an entry that this core itself has appended."""
        self.newest = max(self.newest, entry.n)
        self.executing = entry.n
        self._remember_claim(entry)
        return self._execute(entry, data)

    def _execute(self, entry: Entry, data: bytes) -> Outcome:
        began = time.perf_counter()
        outcome = self.machine.apply(data, entry)
        self._measure(entry, time.perf_counter() - began)
        self.hashes[entry.n] = self.machine.hash
        self.hashes.pop(entry.n - _REMEMBERED, None)
        self.claims.pop(entry.n - _REMEMBERED, None)
        self.blocked = self.executing = None
        return outcome

    def _remember_claim(self, entry: Entry) -> None:
        self.claims[entry.n] = (entry.previous, entry.epoch)
        first = entry.commands[0]
        if first.kind == Kind.EPOCH_START:
            self.leaders[entry.epoch] = first.body[0]

    def _measure(self, entry: Entry, seconds: float) -> None:
        """Commands of sessions a second, while executing: ticks would say nothing about it."""
        if entry.commands[-1].kind in CORE_KINDS:
            return
        self._busy_s += seconds
        self._executed += len(entry.commands)
        self.per_s = int(self._executed / self._busy_s) if self._busy_s else 0
        if self._executed > _MEASURED:
            self._busy_s, self._executed = self._busy_s / 2, self._executed // 2
