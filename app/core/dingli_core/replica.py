"""A replica: the machine with what a core remembers of how it came to its present state."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from dingli_core.commands import Command, EpochStart, decode_command
from dingli_core.entry import Entry, decode_entry
from dingli_core.exceptions import CoreError, QuarantineError
from dingli_core.machine import Applied, Machine

__all__ = ["Claim", "DisagreementError", "Replica"]

KEPT_HASHES = 10_000
RATE_WINDOW_COMMANDS = 1_000


class Claim(NamedTuple):
    """The hash after an entry as the next entry states it, and who led the epoch of that next entry."""

    hash: bytes
    epoch: int
    core: str


class DisagreementError(CoreError):
    """Entry n carries another hash of n - 1 than this core computed; it was not executed."""

    def __init__(self, n: int, epoch: int) -> None:
        super().__init__(f"entry {n} of epoch {epoch} carries another hash than this core computed")
        self.n = n
        self.epoch = epoch


class Replica:
    """Applies raw entries in order, and compares hashes before it executes."""

    def __init__(self, cell: str) -> None:
        self.machine = Machine(cell)
        self.hashes: OrderedDict[int, bytes] = OrderedDict({0: self.machine.hash})
        self.claims: OrderedDict[int, Claim] = OrderedDict()
        self.newest_known = 0
        self.first_unapplied_ns = 0
        self.replay_per_s = 0
        self._window_commands = 0
        self._window_s = 0.0
        self._failed: QuarantineError | None = None

    @property
    def head(self) -> int:
        return self.machine.head

    def apply_raw(self, raw: bytes, disputed_from: Callable[[int], int | None]) -> Applied:
        """Entry head + 1 as read from the log. `disputed_from` tells from where on an epoch's hashes are not compared.

        Raises DisagreementError before anything is changed, QuarantineError when this core cannot pass the entry.
        """
        n = self.head + 1
        try:
            entry = decode_entry(raw)
            commands = [decode_command(command) for command in entry.commands]
        except Exception as error:  # whatever it is, this core cannot pass the entry
            raise QuarantineError(n, f"exception at {n}: {error!r}") from error
        disputed = disputed_from(entry.epoch) if entry.previous_hash != self.machine.hash else n
        if disputed is None or disputed > n:
            self._note_claim(entry, commands)
            self.newest_known = max(self.newest_known, n)
            self.first_unapplied_ns = entry.time
            raise DisagreementError(n, entry.epoch)
        return self.apply(entry, raw, commands)

    def apply(self, entry: Entry, raw: bytes, commands: list[Command]) -> Applied:
        if self._failed is not None:
            raise self._failed  # the state is half changed: executing the entry again would give another result
        started = time.perf_counter()
        self._note_claim(entry, commands)
        try:
            applied = self.machine.apply(entry, raw, commands)
        except Exception as error:  # whatever it is, this core cannot pass the entry
            self._failed = QuarantineError(entry.n, f"exception at {entry.n}: {error!r}")
            raise self._failed from error
        self._measure(len(commands), time.perf_counter() - started)
        self.hashes[entry.n] = self.machine.hash
        if len(self.hashes) > KEPT_HASHES:
            self.hashes.popitem(last=False)
        self.newest_known = max(self.newest_known, entry.n)
        return applied

    def lag_ms(self, now_ns: int) -> int:
        """0 at the newest entry known, else the age of the first one that is not applied."""
        if self.head >= self.newest_known:
            return 0
        since = self.first_unapplied_ns or self.machine.time or now_ns
        return max(1, (now_ns - since) // 1_000_000)

    def _note_claim(self, entry: Entry, commands: list[Command]) -> None:
        first = commands[0]
        known = self.machine.epoch_cores.get(entry.epoch, "")
        core = first.core if isinstance(first, EpochStart) else known
        self.claims[entry.n - 1] = Claim(entry.previous_hash, entry.epoch, core)
        if len(self.claims) > KEPT_HASHES:
            self.claims.popitem(last=False)

    def _measure(self, commands: int, seconds: float) -> None:
        self._window_commands += commands
        self._window_s += seconds
        enough = self._window_commands >= RATE_WINDOW_COMMANDS
        if enough or self.replay_per_s == 0:
            self.replay_per_s = int(self._window_commands / max(self._window_s, 1e-9))
        if enough:
            self._window_commands, self._window_s = 0, 0.0
