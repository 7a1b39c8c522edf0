"""The state of a cell as a pure function of its entries, and its rolling hash (section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from dingli_minicore import orders
from dingli_minicore.book import Book
from dingli_minicore.codec import (
    CORE_KINDS,
    Command,
    Entry,
    Event,
    Instrument,
    Kind,
    decode_entry,
    encode_event,
    encode_result,
)
from dingli_minicore.exceptions import MalformedError
from dingli_minicore.sessions import Session, Status, administer, admit, log_on

__all__ = ["Ack", "Machine", "Outcome", "genesis"]

_EXECUTION = {Kind.NEW_ORDER: orders.new_order, Kind.CANCEL: orders.cancel, Kind.MASS_STATUS: orders.mass_status}


def genesis(cell: str) -> bytes:
    """H(0) of a cell."""
    return sha256(f"dingli-journal-1:{cell}".encode()).digest()


Ack = tuple[Status, int, int]
"""(status, next_in, next_out) of a command."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing an entry gave: one ack per command, and (connection, bytes) of every event, in order."""

    entry: Entry
    acks: tuple[Ack, ...]
    events: tuple[tuple[int, bytes], ...]
    results: bytes


class Machine:
    """The replicated state machine. No clock, no randomness, no input but entries."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.head = 0
        self.hash = genesis(cell)
        self.time = 0
        self.generation = 0
        self.epoch = 0
        self.revision = 0
        self.max_age_ms = 0
        self.commands = 0
        self.instruments: dict[str, Instrument] = {}
        self.sessions: dict[str, Session] = {}
        self.books: dict[str, Book] = {}

    def apply(self, data: bytes, entry: Entry | None = None) -> Outcome:
        """Execute entry head + 1 (`entry` if decoded already). The hash that it carries is the caller's matter."""
        entry = entry or decode_entry(data)
        self._check_order(entry)
        place = orders.Place(
            entry.generation, entry.epoch, entry.n, entry.time, self.max_age_ms * 1_000_000,
            sessions=self.sessions, books=self.books, instruments=self.instruments,
        )  # fmt: skip
        acks: list[Ack] = []
        events: list[tuple[int, bytes]] = []
        results: list[bytes] = []
        for number, command in enumerate(entry.commands, 1):
            place.command = number
            made: list[Event] = []
            ack = self.execute(place, command, made)
            encoded = [encode_event(event) for event in made]
            self._store(entry, made, encoded)
            acks.append(ack)
            events.extend((event[2], bytes_) for event, bytes_ in zip(made, encoded, strict=True))
            results.append(encode_result(*ack, encoded))
        joined = b"".join(results)
        self.hash = sha256(self.hash + data + joined).digest()
        self.head, self.time, self.generation, self.epoch = entry.n, entry.time, entry.generation, entry.epoch
        self.commands += len(entry.commands)
        return Outcome(entry, tuple(acks), tuple(events), joined)

    def _check_order(self, entry: Entry) -> None:
        if entry.n != self.head + 1:
            raise MalformedError(f"entry {entry.n} where {self.head + 1} was expected")
        if (entry.generation, entry.epoch) < (self.generation, self.epoch):
            raise MalformedError(f"entry {entry.n} goes back to generation {entry.generation}, epoch {entry.epoch}")
        if entry.time <= self.time:
            raise MalformedError(f"entry {entry.n} is not later than the one before it")

    def execute(self, place: orders.Place, command: Command, events: list[Event]) -> Ack:
        """Execute one command; its events are appended to `events`."""
        if command.kind in CORE_KINDS:
            return (self._configure(place, command) if command.kind == Kind.CONFIGURE else Status.EXECUTED), 0, 0
        session = self.sessions.get(command.session)
        if command.kind == Kind.LOGON:
            status = self._log_on(session, command, events)
            session = self.sessions.get(command.session)
        else:
            status = admit(session, command, events)
            if status == Status.EXECUTED and session is not None:
                execution = _EXECUTION.get(Kind(command.kind))
                if execution is None:
                    administer(session, command, events)
                else:
                    execution(place, session, command, events)
        if session is None:
            return status, 0, 0
        return status, session.next_in, session.next_out

    def _log_on(self, session: Session | None, command: Command, events: list[Event]) -> Status:
        reset = command.body[1]
        if command.connection == 0 or command.in_seq == 0 or (reset and command.in_seq != 1):
            return Status.REFUSED
        if session is None:
            session = self.sessions[command.session] = Session(command.session)
        return log_on(session, command, events)

    def _configure(self, place: orders.Place, command: Command) -> Status:
        revision, max_age_ms, instruments = command.body
        if revision <= self.revision:
            return Status.DUPLICATE
        self.revision, self.max_age_ms = revision, max_age_ms
        self.instruments = {each.symbol: each for each in instruments}
        place.instruments, place.max_age_ns = self.instruments, max_age_ms * 1_000_000
        return Status.EXECUTED

    def _store(self, entry: Entry, made: list[Event], encoded: list[bytes]) -> None:
        for event, bytes_ in zip(made, encoded, strict=True):
            if event[3]:
                self.sessions[event[1]].stored.append((entry.n, entry.time, bytes_))

    def stored(self, session: str, begin: int, end: int) -> list[tuple[int, int, bytes]]:
        """The stored messages `begin`…`end` of a session: (n, time, event)."""
        found = self.sessions.get(session)
        return found.stored[max(begin, 1) - 1 : end] if found is not None and end >= begin else []
