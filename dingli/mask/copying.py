"""Making the copy, and proving that it is one before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dingli.mask.exceptions import MaskError
from dingli.mask.names import SEARCHED, Names, originals_of
from dingli.mask.opening import SHIFT, opening
from dingli.mask.totals import Totals, Trade, totals_of, trades_of
from drills.checker.reference import Reference
from drills.checker.state import Executed
from drills.checker.wire import Entry, Record, WireError, decode_command, encode_command

__all__ = ["MaskedCopy", "mask"]

_BATCH = 100
_HIGHEST_CONNECTION = 2**64 - 1 - SHIFT


@dataclass(frozen=True)
class MaskedCopy:
    """Entries from 1. The first `opening` of them bring back what stood before; `totals` are of the others."""

    cell: str
    entries: list[bytes]
    opening: int
    totals: Totals
    names: int


def mask(
    cell: str,
    entries: Iterable[bytes],
    first: int,
    as_cell: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> MaskedCopy:
    """Masks a journal from entry `first` on; `entries` begin with 1, because what stood before has to be known.

    Raises MaskError if they do not replay, or if the copy does not give the same trades and totals, up to names.
    """
    reference, part = _split(cell, entries, first)
    commands = [[decode_command(body) for body in entry.commands] for entry in part]
    before: list[Record] = []
    if first > 1:
        reused = {(one["session"], one["cl_ord_id"]) for batch in commands for one in batch if "cl_ord_id" in one}
        before = opening(reference, "core", reused, part[0].time_ns)
    symbols = _symbols(reference, commands)
    known = {text for batch in [before, *commands] for one in batch for text in originals_of(one, symbols)}
    names = Names(known, symbols)

    tell(f"{len(part)} entries, {len(known)} names; executing them as they were")
    executed = [one for entry in part for one in _applied(reference, entry.encode())]
    tell("executing them masked")
    masked = _Copy(as_cell or cell, part[0], names)
    for at in range(0, len(before), _BATCH):
        masked.append(None, before[at : at + _BATCH], (len(before) - 1 - at) // _BATCH + 1)
    opened = len(masked.entries)
    done: list[Executed] = []
    for entry, batch in zip(part, commands, strict=True):
        done += masked.append(entry, [_shifted(one) for one in batch] if before else batch)
    totals = _require_same(names, executed, done)
    _require_nobody(masked.commands, {text for text in known if len(text) >= SEARCHED}, symbols)
    return MaskedCopy(as_cell or cell, masked.entries, opened, totals, len(known))


def _split(cell: str, entries: Iterable[bytes], first: int) -> tuple[Reference, list[Entry]]:
    """The state before entry `first`, and the entries from there on."""
    reference = Reference(cell)
    part = []
    for data in entries:
        entry = Entry.decode(data)
        if entry.n == 1 and entry.previous_hash != reference.hash:
            raise MaskError(f"the first entry does not follow the beginning of cell {cell}", "that cell's journal")
        if entry.n < first:
            _applied(reference, data)
        else:
            part.append(entry)
    if not part:
        raise MaskError(f"the journal ends before entry {first}", "entries to mask", "choose an earlier one")
    return reference, part


def _applied(reference: Reference, data: bytes) -> list[Executed]:
    try:
        return reference.apply(data)
    except (WireError, ValueError) as error:
        raise MaskError(f"the journal does not replay: {error}", "all entries from 1 on") from None


def _symbols(state: Reference, commands: list[list[Record]]) -> frozenset[str]:
    """What was ever configured, or has orders: that is an instrument, and stays."""
    found = {*state.instruments, *(order.symbol for order in state.open)}
    for one in (one for batch in commands for one in batch if one["kind"] == "Configure"):
        found |= {instrument["symbol"] for instrument in one["instruments"]}
    return frozenset(found)


class _Copy:
    """The masked journal, executed as it grows: each entry carries the hash of those before it."""

    def __init__(self, cell: str, like: Entry, names: Names) -> None:
        self._reference = Reference(cell)
        self._like = like
        self._names = names
        self._epochs: dict[int, int] = {}
        self.entries: list[bytes] = []
        self.commands: list[Record] = []

    def append(self, entry: Entry | None, commands: Sequence[Record], earlier_ns: int = 0) -> list[Executed]:
        """An entry like `entry`; without one, that much before the first."""
        like = entry or self._like
        masked = [self._names.command(one) for one in commands]
        n = self._reference.head + 1
        data = Entry(
            like.generation,
            # From 1 on: in the etcd of a test environment revisions, and so epochs, begin anew, and must not fall.
            self._epochs.setdefault(like.epoch, len(self._epochs) + 1),
            n,
            self._names.batch(like.batch_id if entry else b"opening %d" % n),
            like.time_ns - earlier_ns,
            self._reference.hash,
            tuple(encode_command(one) for one in masked),
        ).encode()
        done = _applied(self._reference, data)
        self.entries.append(data)
        self.commands += masked
        return done


def _shifted(command: Record) -> Record:
    connection = command.get("connection", 0)
    if connection > _HIGHEST_CONNECTION:
        raise MaskError(f"a connection with the number {connection}", f"{_HIGHEST_CONNECTION} at most")
    return {**command, "connection": connection + SHIFT} if connection else command


def _require_same(names: Names, before: list[Executed], after: list[Executed]) -> Totals:
    trades, masked = trades_of(before), trades_of(after)

    def renamed(end: tuple[str, str]) -> tuple[str, str]:
        return names.of(end[0]), names.of(end[1])

    for number, (trade, other) in enumerate(zip(trades, masked, strict=False), start=1):
        if Trade(*trade[:3], renamed(trade.incoming), renamed(trade.resting)) != other:
            raise MaskError(f"trade {number} of the copy is another one", "the same trades, up to names")
    totals, copied = totals_of(before, trades), totals_of(after, masked)
    if totals != copied or len(trades) != len(masked):
        raise MaskError(f"the copy adds up to {copied.plain()}", f"{totals.plain()}")
    return totals


def _require_nobody(commands: Iterable[Record], originals: set[str], symbols: frozenset[str]) -> None:
    """No text of the copy is an original; the names' letters see to it that none is inside one either."""
    for command in commands:
        for text in (value for value in command.values() if isinstance(value, str)):
            if text in originals and text not in symbols and text != command["kind"]:
                raise MaskError(f"an original is left in a {command['kind']}", "none", "tell us: this is a defect")
