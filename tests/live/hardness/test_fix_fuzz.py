"""A hundred thousand changed messages on the FIX port: nothing breaks, and nobody else notices."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from drills.checker.check import Replay, replay
from tests.conftest import Fuzz
from tests.live.gateway.cell import CELL, Cell
from tests.live.gateway.fixclient import FixClient
from tests.live.hardness.mutations import Mutator, frame

MESSAGES = 100_000
A_CONNECTION = 250  # messages, where nothing ends it before
MOST_GROWTH_KB = 120 * 1024


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with Cell.trading(tmp_path_factory.mktemp("fuzz"), g1=True) as cell:
        yield cell


class Trader(threading.Thread):
    """A member that minds its own business: an order, its acknowledgement, the next."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(daemon=True)
        self.client = FixClient("M3", cell.folder / "ca.crt")
        self.client.log_on(cell.fix_ports["g1"], (141, "Y"))
        self.client.expect("A", t34=1)
        self.stopping = threading.Event()
        self.acknowledged = 0
        self.slowest_s = 0.0
        self.problem = ""

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._order()
            self.client.send("5")
            while self.client.receive() is not None:
                pass
        except (AssertionError, OSError) as error:
            self.problem = repr(error)

    def _order(self) -> None:
        name, began = f"T{self.acknowledged}", time.monotonic()
        self.client.order(name, "12"[self.acknowledged % 2], 1, "5", symbol="GADGET")
        while True:
            message = self.client.receive()
            assert message is not None, "the connection ended"
            if message[35] == "8" and message[11] == name and message[150] == "0":
                break
        self.acknowledged += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.stopping.wait(0.005)  # a member, not a second attack


class Attacker:
    """Connections, one after the other, each with many messages; some are just left to hang."""

    def __init__(self, cell: Cell, source: random.Random, session: str) -> None:
        self._port = cell.fix_ports["g1"]
        self._source = source
        self._mutator = Mutator(source, session.encode(), CELL.encode())
        self._context = ssl.create_default_context(cafile=str(cell.folder / "ca.crt"))
        self._hanging: list[socket.socket] = []
        self.sent = self.connections = 0

    def attack(self, messages: int) -> None:
        while self.sent < messages:
            self.connections += 1
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError, BrokenPipeError):
                self._one()
        for left in self._hanging:
            left.close()

    def _one(self) -> None:
        pick, plain = self._source, socket.create_connection(("127.0.0.1", self._port), timeout=20)
        with contextlib.ExitStack() as stack:
            stack.callback(plain.close)
            if pick.random() < 0.05:
                self._without_tls(plain)
                return
            secured = self._context.wrap_socket(plain, server_hostname="localhost")
            stack.callback(secured.close)
            secured.sendall(self._first())
            alive = True
            for _ in range(10):
                if not alive:
                    break
                self._send(secured, self._burst(A_CONNECTION // 10))
                alive = self._drain(secured)
            if alive and pick.random() < 0.7:
                secured.sendall(self._mutator.resynchronised() + self._mutator.fatal())
                secured.settimeout(0.3)  # what a change before it makes of the last message may keep the connection
                self._drain(secured, until_end=True)
            if pick.random() < 0.1 and len(self._hanging) < 50:
                stack.pop_all()
                self._hanging.append(secured)

    def _without_tls(self, plain: socket.socket) -> None:
        data = [
            frame(self._mutator.logon()),
            b"\x16\x03\x01" + self._source.randbytes(300),
            b"GET / HTTP/1.0\r\n\r\n",
            b"",
        ]
        plain.sendall(self._source.choice(data))
        if self._source.random() < 0.5 and len(self._hanging) < 50:
            self._hanging.append(plain.dup())

    def _first(self) -> bytes:
        """A logon, mostly a good one; what follows it is sent without waiting for the answer."""
        pick, logon = self._source, frame(self._mutator.logon())
        if pick.random() < 0.9:
            return logon
        self.sent += 1
        return pick.choice([self._mutator.mutated(), logon[:-9], pick.randbytes(50), logon.replace(b"554=", b"554=x")])

    def _burst(self, count: int) -> bytes:
        parts: list[bytes] = []
        for _ in range(count):
            self.sent += 1
            parts.append(self._mutator.mutated())
            if self._source.random() < 0.3:
                parts.append(self._mutator.resynchronised())
        return b"".join(parts)

    def _send(self, secured: ssl.SSLSocket, data: bytes) -> None:
        """In one piece or in several, cut anywhere."""
        cuts = sorted(self._source.randrange(len(data)) for _ in range(self._source.choice([0, 0, 1, 5])))
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            secured.sendall(data[start:end])

    def _drain(self, secured: ssl.SSLSocket, until_end: bool = False) -> bool:
        """Read what there is; False when the gateway has closed."""
        while until_end or secured.pending() or select.select([secured], [], [], 0.0)[0]:
            if not secured.recv(1 << 16):
                return False
        return True


def test_a_hundred_thousand_changed_messages_hurt_nobody(
    cell: Cell, fuzz: Fuzz, capsys: pytest.CaptureFixture[str]
) -> None:
    trader, core = Trader(cell), cell.child_of("host-1/main")
    messages = len(fuzz.cases(MESSAGES))
    warm_up, attacker = Attacker(cell, fuzz.random(0), "M2"), Attacker(cell, fuzz.random(1), "M1")
    with fuzz.naming(f"the only one, {messages} messages"):
        began = time.monotonic()
        warm_up.attack(messages // 20)
        before_kb = cell.memory_kb("g1")
        trader.start()
        attacker.attack(messages - messages // 20)
        took_s, grown_kb = time.monotonic() - began, cell.memory_kb("g1") - before_kb
        trader.stopping.set()
        trader.join(timeout=60)
        with capsys.disabled():
            print(
                f"\n{warm_up.sent + attacker.sent} messages in {took_s:.0f} s over {attacker.connections} connections,"
                f" {examined(cell)} of them examined; {trader.acknowledged} orders of another session meanwhile,"
                f" the slowest took {trader.slowest_s:.2f} s; the gateway grew by {grown_kb // 1024} MB"
            )
        assert not trader.problem, trader.problem
        numbers = [int(message[34]) for message in trader.client.received]
        assert numbers == list(range(1, len(numbers) + 1)), "the other session's numbers have a gap"
        assert trader.acknowledged > 20
        assert cell.child_of("host-1/main") == core, "the core was started again"
        assert grown_kb < MOST_GROWTH_KB
        assert examined(cell) > messages // 2, "most messages must not be lost behind the end of a connection"
        nothing_broke(cell)
        attacked_sessions_still_work(cell)
        journal = replayed(cell)
        assert journal.disagreements == []
        told = max((numbers for (session, _), numbers in journal.told.items() if session == "M3"), key=len)
        assert sorted(told) == numbers


def examined(cell: Cell) -> int:
    whole = cell.metric_sum("g1", 'dingli_gateway_messages_total{direction="in"')
    return round(whole + cell.metric("g1", "dingli_gateway_garbled_total"))


def nothing_broke(cell: Cell) -> None:
    for name in ("g1", "host-1-main"):
        assert "Traceback" not in (cell.folder / f"{name}.log").read_text(), f"see {cell.folder / name}.log"


def attacked_sessions_still_work(cell: Cell) -> None:
    for session in ("M1", "M2"):
        client = FixClient(session, cell.folder / "ca.crt")
        client.log_on(cell.fix_ports["g1"], (141, "Y"))
        client.expect("A")
        client.order(f"after-{time.time_ns()}", "1", 1, "1", symbol="GADGET")
        client.expect("8", t150="0")
        client.cut()


def replayed(cell: Cell) -> Replay:
    """The whole journal, executed by the checker's reference, which compares every hash with its own."""
    entries = cell.entries()
    return replay(CELL, entries, len(entries))
