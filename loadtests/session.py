"""A FIX 4.4 member session as a client sees it: it keeps its numbers over connections and gateways, and records
everything.

The first logon of a run resets the numbers (141=Y); every later one continues with them.

Blocking sockets and threads only: under Locust gevent makes both cooperative, without it they are what they are.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtests import wire
from loadtests.config import Gateway
from loadtests.recorder import Recorder

SILENCE_FACTOR = 2.4  # heartbeats missed before a connection counts as dead, as QuickFIX has it
CONNECT_TIMEOUT_S = 2.0
SEND_TIMEOUT_S = 60.0  # a gateway without a leader stops reading: its members wait


class State(StrEnum):
    """Where a session stands."""

    DOWN = "down"
    LOGGING_ON = "logging on"
    UP = "up"


@dataclass(frozen=True)
class Member:
    """Who logs on."""

    name: str
    password: str
    cell: str
    heartbeat_s: int = 5
    reconnect_s: float = 1.0


class FixSession:
    """One session. `on_message` is called with the tags of every new application message (not of repeats)."""

    def __init__(
        self,
        member: Member,
        gateways: Sequence[Gateway],
        tls: ssl.SSLContext | None,
        recorder: Recorder,
        on_message: Callable[[dict[int, str]], None],
    ) -> None:
        self.member, self.gateways, self.tls, self.recorder = member, list(gateways), tls, recorder
        self.on_message = on_message
        self.state = State.DOWN
        self.next_out, self.next_in = 2, 1  # 1 is the first logon's
        self.logons = 0
        self.gateway: Gateway | None = None
        self._sent: dict[int, tuple[str, wire.Fields, str]] = {}
        self._ahead: dict[int, dict[int, str]] = {}
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()
        self._stopping = False
        self._asked_to = 0
        self._heard = self._spoke = time.monotonic()
        self._echo: str | None = None
        self._mass_id, self._mass_done = "", False
        self._thread = threading.Thread(target=self._run, name=f"fix-{member.name}", daemon=True)

    # What a user calls

    def start(self) -> None:
        """Connects and stays connected, moving to the next gateway whenever one fails, until `stop`."""
        self._thread.start()

    def send(self, msg_type: str, fields: wire.Fields) -> int:
        """Sends an application message, or keeps it for the resend when there is no connection; returns its number."""
        with self._lock:
            seq = self.next_out
            self.next_out += 1
            now = wire.timestamp()
            self._sent[seq] = (msg_type, fields, now)
            self._write(msg_type, seq, fields, sending=now)
            return seq

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `condition` came true in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def resolve(self, timeout_s: float, *, note: bool = True) -> bool:
        """Brings the session to rest: logged on, no gap, a test request answered, a mass status complete; records
        that.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.wait_for(lambda: self.state is State.UP and not self._ahead, max(0.0, deadline - time.monotonic()))
            logons = self.logons
            self._echo = f"resolve-{time.monotonic_ns()}"
            self._mass_id, self._mass_done = f"mass-{time.monotonic_ns()}", False
            self.send("AF", [(584, self._mass_id), (585, "7")])
            self._admin("1", [(112, self._echo)])
            self.wait_for(lambda: self._echo is None and self._mass_done, 10.0)
            if self._echo is None and self._mass_done and self.logons == logons and not self._ahead:
                if note:
                    self.recorder.note("resolved", self.member.name)
                return True
        return False

    def stop(self) -> None:
        """Logs out and closes."""
        self._stopping = True
        if self.state is State.UP:
            self._admin("5", [])
            self.wait_for(lambda: self.state is State.DOWN, 3.0)
        self._drop("stopped")
        self._thread.join(timeout=5.0)

    # The connection

    def _run(self) -> None:
        turn = 0
        while not self._stopping:
            gateway = self.gateways[turn % len(self.gateways)]
            turn += 1
            try:
                self._connect(gateway)
                self._read_until_closed()
            except (OSError, wire.ProtocolError, ValueError, KeyError) as error:
                self._drop(f"{type(error).__name__}: {error}")
            if not self._stopping:
                time.sleep(self.member.reconnect_s)

    def _connect(self, gateway: Gateway) -> None:
        plain = socket.create_connection((gateway.host, gateway.port), timeout=CONNECT_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.tls.wrap_socket(plain, server_hostname=gateway.host) if self.tls else plain
        connection.settimeout(SEND_TIMEOUT_S)
        self.recorder.note("connect", self.member.name, gateway=gateway.name)
        with self._lock:
            self._socket, self.gateway, self.state = connection, gateway, State.LOGGING_ON
            self._asked_to, self._heard = 0, time.monotonic()
            self._ahead.clear()
        fields = [(98, "0"), (108, str(self.member.heartbeat_s)), (553, self.member.name), (554, self.member.password)]
        if self.logons:
            self._admin("A", fields)
            return
        with self._lock:  # a new run begins with new numbers; after that they are kept whatever happens
            self.next_in = 1
            self._write("A", 1, [*fields, (141, "Y")])

    def _read_until_closed(self) -> None:
        splitter = wire.Splitter()
        while True:
            connection = self._socket
            if connection is None:
                return
            if _readable(connection):
                data = connection.recv(65536)
                if not data:
                    self._drop("closed by the gateway")
                    return
                self._heard = time.monotonic()
                for message in splitter.feed(data):
                    self.recorder.note("recv", self.member.name, raw=message.decode("latin-1"))
                    self._received(wire.decode(message))
            self._keep_alive()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._heard > SILENCE_FACTOR * self.member.heartbeat_s:
            self._drop(f"nothing heard for {now - self._heard:.1f} s")
        elif self.state is State.UP and now - self._spoke > self.member.heartbeat_s:
            self._admin("0", [])

    def _drop(self, why: str) -> None:
        with self._lock:
            if self._socket is None:
                return
            self.recorder.note("disconnect", self.member.name, why=why)
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket, self.state = None, State.DOWN

    # Sending

    def _admin(self, msg_type: str, fields: wire.Fields) -> None:
        with self._lock:
            if self._socket is None:
                return
            seq = self.next_out
            self.next_out += 1
            self._write(msg_type, seq, fields)

    def _write(self, msg_type: str, seq: int, fields: wire.Fields, *, sending: str = "", original: str = "") -> None:
        if msg_type not in ("A", "2", "4", "5") and self.state is not State.UP:
            return  # the resend after the next logon carries it
        names, times = (self.member.name, self.member.cell), {"sending": sending, "original": original}
        message = wire.encode(msg_type, *names, seq, fields, **times)
        shown = message
        if msg_type == "A":  # a record is evidence: no password in it
            masked = [(tag, "***" if tag == 554 else value) for tag, value in fields]
            shown = wire.encode(msg_type, *names, seq, masked, **times)
        self.recorder.note("send", self.member.name, raw=shown.decode("ascii"))
        connection = self._socket
        if connection is None:
            return
        self._spoke = time.monotonic()
        try:
            connection.sendall(message)
        except OSError as error:
            self._drop(f"{type(error).__name__}: {error}")

    # Receiving

    def _received(self, tags: dict[int, str]) -> None:
        with self._lock:
            seq, kind = int(tags[34]), tags[35]
            if kind == "4" and tags.get(123) != "Y":
                self.next_in = int(tags[36])
                return
            if kind == "A":
                self.state = State.UP
                self.logons += 1
            if kind == "2" and seq >= self.next_in:
                self._resend(int(tags[7]), int(tags[16]))
            if seq > self.next_in:
                self._ask_again(seq, tags)
                return
            if seq < self.next_in:
                return
            self._process(seq, tags)
            while (later := self._ahead.pop(self.next_in, None)) is not None:
                self._process(self.next_in, later)

    def _ask_again(self, seq: int, tags: dict[int, str]) -> None:
        self._ahead[seq] = tags
        if self._asked_to == 0:
            self._asked_to = seq
            self._admin("2", [(7, str(self.next_in)), (16, "0")])

    def _process(self, seq: int, tags: dict[int, str]) -> None:
        kind = tags[35]
        self.next_in = int(tags[36]) if kind == "4" else seq + 1
        for old in [number for number in self._ahead if number < self.next_in]:
            del self._ahead[old]
        if self._asked_to and self.next_in > self._asked_to:
            self._asked_to = 0
        if kind == "1":
            self._admin("0", [(112, tags[112])])
        elif kind == "0" and tags.get(112) == self._echo:
            self._echo = None
        elif kind == "5":
            self._drop("logged out" + (f": {tags[58]}" if 58 in tags else ""))
        elif kind in ("8", "9", "j", "3"):
            if tags.get(584) == self._mass_id:
                self._mass_done = tags.get(912) == "Y"
            self.on_message(tags)

    def _resend(self, begin: int, end: int) -> None:
        last = self.next_out - 1 if end == 0 else min(end, self.next_out - 1)
        gap: int | None = None
        for seq in range(begin, last + 1):
            message = self._sent.get(seq)
            if message is None:
                gap = seq if gap is None else gap
                continue
            if gap is not None:
                self._write("4", gap, [(123, "Y"), (36, str(seq))], original=wire.timestamp())
                gap = None
            self._write(message[0], seq, message[1], original=message[2])
        if gap is not None:
            self._write("4", gap, [(123, "Y"), (36, str(last + 1))], original=wire.timestamp())


def _readable(connection: socket.socket) -> bool:
    """Whether `recv` would give something within 0.2 s."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    return bool(select.select([connection], [], [], 0.2)[0])
