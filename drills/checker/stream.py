"""Streams of commands to compare implementations with: hand-written scenarios, and random ones from a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import Any, Final

from drills.checker.reference import Reference
from drills.checker.state import Executed
from drills.checker.wire import Entry, Record, encode_command

START_NS: Final = 1_790_000_000_000_000_000
SYMBOLS: Final = ("CU2612", "AU2612")
INSTRUMENTS: Final = [
    {"symbol": "CU2612", "tick": 100_000, "max_quantity": 10_000, "min_price": 100_000, "max_price": 999_900_000},
    {"symbol": "AU2612", "tick": 200, "max_quantity": 10_000, "min_price": 200, "max_price": 99_999_800},
]


def of_core(kind: str, **fields: Any) -> Record:
    """A command of the core."""
    return {"kind": kind, "ingress": 0, **fields}


def of_session(kind: str, session: str, connection: int, in_seq: int, **fields: Any) -> Record:
    """A command of a session; ingress is set when the entry is made, unless given."""
    return {"kind": kind, "session": session, "connection": connection, "in_seq": in_seq, "flags": 0, **fields}


def configure(revision: int = 1, max_age_ms: int = 5_000) -> Record:
    """The Configure command all streams begin with."""
    return of_core("Configure", revision=revision, max_age_ms=max_age_ms, instruments=INSTRUMENTS)


class Journal:
    """Turns batches of commands into entries, executing them with the reference on the way."""

    def __init__(self, cell: str = "alpha", generation: int = 1, epoch: int = 7) -> None:
        self.reference = Reference(cell)
        self.generation, self.epoch, self.time_ns = generation, epoch, START_NS
        self.entries: list[bytes] = []
        self.executed: list[Executed] = []

    def append(self, commands: Iterable[Record], later_ns: int = 1_000_000) -> list[Executed]:
        """Adds one entry; `later_ns` after the previous one."""
        self.time_ns += later_ns
        bodies = tuple(encode_command({"ingress": self.time_ns - 500_000, **one}) for one in commands)
        n = self.reference.head + 1
        batch_id = hashlib.sha256(f"batch {n}".encode()).digest()[:16]
        entry = Entry(self.generation, self.epoch, n, batch_id, self.time_ns, self.reference.hash, bodies).encode()
        done = self.reference.apply(entry)
        self.entries.append(entry)
        self.executed += done
        return done


def order(cl_ord_id: str, side: str, quantity: int, price: int, symbol: str = "CU2612", **fields: Any) -> Record:
    """The fields of a NewOrderSingle behind the session's: a day limit order unless told otherwise."""
    base = {"cl_ord_id": cl_ord_id, "account": "", "symbol": symbol, "side": side, "ord_type": "2", "tif": "0"}
    return {**base, "price": price, "quantity": quantity, **fields}


class RandomStream:
    """Commands that hit every rule often: fills, cancels, duplicates, gaps, reconnects, resets, rejects."""

    def __init__(self, seed: int, sessions: int = 5, hostile: float = 0.08) -> None:
        self.random = random.Random(seed)  # noqa: S311 (orders, not secrets)
        self.names = [f"M{number:03d}" for number in range(1, sessions + 1)]
        self.hostile = hostile
        self.journal = Journal()
        self.connections = dict.fromkeys(self.names, 0)
        self.used: dict[str, list[str]] = {name: [] for name in self.names}
        self.counter = 0

    def entries(self, commands: int) -> Iterator[bytes]:
        """Entries holding `commands` commands in all, more or less."""
        self.journal.append([of_core("EpochStart", core="primary-1/main")])
        yield self.journal.entries[-1]
        self.journal.append([configure()])
        yield self.journal.entries[-1]
        made = 0
        while made < commands:
            batch = self._batch()
            made += len(batch)
            self.journal.append(batch, later_ns=self.random.choice((1, 1_000, 1_000_000, 250_000_000)))
            yield self.journal.entries[-1]

    def _batch(self) -> list[Record]:
        size = self.random.choice((1, 1, 2, 3, 5, 8, 13))
        expected = {name: self._next_in(name) for name in self.names}
        batch = []
        for _ in range(size):
            if self.random.random() < 0.02:
                batch.append(of_core("Tick"))
                continue
            name = self.random.choice(self.names)
            command = self._logon(name, expected) if self._wants_logon(name) else self._command(name, expected)
            batch.append(command)
        return batch

    def _next_in(self, name: str) -> int:
        session = self.journal.reference.sessions.get(name)
        return session.next_in if session else 1

    def _wants_logon(self, name: str) -> bool:
        session = self.journal.reference.sessions.get(name)
        return session is None or session.connection == 0 or self.random.random() < 0.01

    def _logon(self, name: str, expected: dict[str, int]) -> Record:
        self.counter += 1
        connection = START_NS + self.counter if self.random.random() > self.hostile else self.connections[name]
        self.connections[name] = max(self.connections[name], connection)
        reset = int(self.random.random() < 0.1)
        in_seq = 1 if reset else self._sequence(name, expected)
        if reset:
            expected[name] = 2
        return of_session("Logon", name, connection, in_seq, heartbeat_s=self.random.choice((5, 30)), reset=reset)

    def _sequence(self, name: str, expected: dict[str, int]) -> int:
        if self.random.random() < self.hostile:
            return max(1, expected[name] + self.random.choice((-2, -1, 1, 2, 5)))
        expected[name] += 1
        return expected[name] - 1

    def _command(self, name: str, expected: dict[str, int]) -> Record:
        kind = self.random.choices(
            ("NewOrderSingle", "OrderCancelRequest", "OrderMassStatusRequest", "admin", "gateway"), (70, 15, 1, 8, 6)
        )[0]
        stale = self.random.random() < self.hostile
        connection = self.connections[name] - int(stale and self.random.random() < 0.3)
        if kind == "gateway":
            return self._gateway_command(name, connection)
        flags = self.random.choices((0, 1, 2, 3), (90, 4, 4, 2))[0]
        fields = self._fields(kind, name, expected)
        if stale and kind in ("NewOrderSingle", "OrderCancelRequest") and self.random.random() < 0.2:
            fields["ingress"] = START_NS - 6_000_000_000
        name_of_kind = fields.pop("kind", kind)
        return of_session(name_of_kind, name, connection, self._sequence(name, expected), **{"flags": flags, **fields})

    def _fields(self, kind: str, name: str, expected: dict[str, int]) -> Record:
        if kind == "NewOrderSingle":
            return self._new_order_single(name)
        if kind == "OrderCancelRequest":
            return self._order_cancel_request(name)
        return self._order_mass_status_request(name) if kind != "admin" else self._admin(expected[name])

    def _gateway_command(self, name: str, connection: int) -> Record:
        kind, fields = self.random.choices(
            (("HeartbeatDue", {}), ("TestRequestDue", {"id": "T1"}),
             ("LogoutDue", {"text": "bye"}), ("Disconnected", {})),
            (60, 20, 4, 6),
        )[0]  # fmt: skip
        return of_session(kind, name, connection, 0, **fields)

    def _cl_ord_id(self, name: str) -> str:
        if self.used[name] and self.random.random() < self.hostile / 2:
            return self.random.choice(self.used[name])
        self.counter += 1
        self.used[name].append(f"{name}-{self.counter}")
        return self.used[name][-1]

    def _new_order_single(self, name: str) -> Record:
        symbol = self.random.choice(SYMBOLS)
        tick = 100_000 if symbol == "CU2612" else 200
        price = (600 + self.random.randint(-12, 12)) * tick
        fields = order(
            self._cl_ord_id(name), self.random.choice("12"), self.random.randint(1, 50), price, symbol,
            ord_type=self.random.choices("21", (92, 8))[0], tif=self.random.choices("03", (90, 10))[0],
            account=self.random.choice(("", "A1")),
        )  # fmt: skip
        if self.random.random() < self.hostile:
            spoiled = self.random.choice(
                ({"symbol": "NONE"}, {"side": "5"}, {"ord_type": "3"}, {"tif": "1"}, {"quantity": 0},
                 {"quantity": 10_001}, {"quantity": 2**64 - 1}, {"price": 0}, {"price": 2**64 - 1},
                 {"price": price + 1})
            )  # fmt: skip
            fields.update(spoiled)
        return fields

    def _order_cancel_request(self, name: str) -> Record:
        recent = self.used[name][-40:]
        orig = self.random.choice(recent) if recent and self.random.random() > self.hostile else "nothing"
        known = self.journal.reference.orders.get((name, orig))
        symbol = known.symbol if known and self.random.random() > self.hostile else self.random.choice(SYMBOLS)
        side = known.side if known and self.random.random() > self.hostile else self.random.choice("12")
        return {"cl_ord_id": self._cl_ord_id(name), "orig_cl_ord_id": orig, "symbol": symbol, "side": side}

    def _order_mass_status_request(self, name: str) -> Record:
        self.counter += 1
        return {"id": f"MS{self.counter}"}

    def _admin(self, next_in: int) -> Record:
        pick = self.random.random()
        if pick < 0.25:
            return {"kind": "Heartbeat"}
        if pick < 0.4:
            return {"kind": "TestRequest", "id": "ping"}
        if pick < 0.6:
            return {
                "kind": "ResendRequest",
                "begin": self.random.randint(0, 8),
                "end": self.random.choice((0, 3, 10**6)),
            }
        if pick < 0.75:
            return {
                "kind": "SequenceReset",
                "gap_fill": self.random.choice((0, 1, 1)),
                "new_seq": max(1, next_in + self.random.randint(-2, 5)),
            }
        if pick < 0.82:
            return {"kind": "Invalid", "ref_msg_type": "D", "ref_tag": 44, "reason": 6, "text": "bad price"}
        if pick < 0.9:
            return {"kind": "Unsupported", "ref_msg_type": "V", "ref_id": "R1", "reason": 3, "text": "unsupported"}
        return {"kind": "Reject"} if pick < 0.97 else {"kind": "Logout", "text": "done"}
