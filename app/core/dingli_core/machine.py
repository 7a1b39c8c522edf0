"""The machine: entries in, results and events out. Nothing here reads a clock, a random number or a file."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from dingli_core.commands import Command, Configure, EpochStart, SessionCommand, decode_command
from dingli_core.entry import Entry, first_hash, next_hash
from dingli_core.events import Event, encode_event
from dingli_core.exceptions import OrderOfEntriesError
from dingli_core.orders import Orders
from dingli_core.sessions import Sessions, Status
from dingli_core.state import Stored

__all__ = ["Applied", "Machine", "Outcome", "RoutedEvent"]

_RESULT = struct.Struct(">BQQI").pack
_LENGTH = struct.Struct(">H").pack


class RoutedEvent(NamedTuple):
    """An encoded event, and whose it is."""

    session: str
    connection: int
    encoded: bytes


class Outcome(NamedTuple):
    """What became of one command; next_in and next_out are its session's afterwards."""

    status: int
    next_in: int
    next_out: int


class Applied(NamedTuple):
    """What executing one entry gave. `results` are the encoded ones that the hash covers."""

    entry: Entry
    commands: Sequence[Command]
    outcomes: list[Outcome]
    events: list[RoutedEvent]
    results: list[bytes]


class Machine:
    """The state of one cell: a pure function of its entries."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.orders = Orders()
        self.sessions = Sessions(self.orders)
        self.revision = 0
        self.head = 0
        self.hash = first_hash(cell)
        self.time = 0
        self.generation = 0
        self.epoch = 0
        self.epoch_cores: dict[int, str] = {}
        """Which core led each epoch, by its EpochStart."""

    def apply(self, entry: Entry, raw: bytes, commands: Sequence[Command] | None = None) -> Applied:
        """Executes entry head + 1. `raw` are its bytes; `commands` spares decoding them again.

        Any exception means that this core cannot pass the entry; the state is then half changed and of no more use.
        """
        if commands is None:
            commands = [decode_command(command) for command in entry.commands]
        self._check_order(entry)
        self.orders.begin_entry(entry.generation, entry.epoch, entry.n, entry.time)
        outcomes: list[Outcome] = []
        routed: list[RoutedEvent] = []
        results: list[bytes] = []
        for index, command in enumerate(commands, start=1):
            events: list[Event] = []
            outcome = self._execute(command, index, entry.epoch, events)
            outcomes.append(outcome)
            parts = [_RESULT(*outcome, len(events))]
            for event in events:
                encoded = encode_event(event)
                parts += (_LENGTH(len(encoded)), encoded)
                routed.append(RoutedEvent(event.session, event.connection, encoded))
                if event.out_seq:
                    self.sessions.by_name[event.session].stored.append(Stored(entry.n, entry.time, encoded))
            results.append(b"".join(parts))
        self.hash = next_hash(self.hash, raw, results)
        self.head = entry.n
        self.time = entry.time
        self.generation = entry.generation
        self.epoch = entry.epoch
        return Applied(entry, commands, outcomes, routed, results)

    def stored(self, session: str, begin: int, end: int) -> list[Stored]:
        """The numbered events begin...end that are stored, in order."""
        found = self.sessions.by_name.get(session)
        return [] if found is None else found.stored[max(begin, 1) - 1 : end]

    def _check_order(self, entry: Entry) -> None:
        if entry.n != self.head + 1:
            raise OrderOfEntriesError(f"entry {entry.n} after {self.head}: expected {self.head + 1}")
        if entry.time <= self.time:
            raise OrderOfEntriesError(f"entry {entry.n} has time {entry.time}: expected more than {self.time}")
        if (entry.generation, entry.epoch) < (self.generation, self.epoch):
            found, least = (entry.generation, entry.epoch), (self.generation, self.epoch)
            raise OrderOfEntriesError(f"entry {entry.n} has generation and epoch {found}: expected at least {least}")

    def _execute(self, command: Command, index: int, epoch: int, out: list[Event]) -> Outcome:
        if isinstance(command, SessionCommand):
            status = self.sessions.execute(command, index, out)
            session = self.sessions.by_name.get(command.session)
            return Outcome(status, 0, 0) if session is None else Outcome(status, session.next_in, session.next_out)
        if isinstance(command, Configure):
            return Outcome(self._configure(command), 0, 0)
        if isinstance(command, EpochStart):
            self.epoch_cores[epoch] = command.core
        return Outcome(Status.EXECUTED, 0, 0)

    def _configure(self, command: Configure) -> Status:
        if command.revision <= self.revision:
            return Status.DUPLICATE
        self.revision = command.revision
        self.orders.max_age_ns = command.max_age_ms * 1_000_000
        self.orders.instruments = {instrument.symbol: instrument for instrument in command.instruments}
        return Status.EXECUTED
