"""A FIX acceptor on loopback that does what a test tells it, and notes what it received."""

from __future__ import annotations

import queue
import socket
import threading

from loadtests import wire
from loadtests.config import Gateway

CELL = "alpha"
WITHIN_S = 5.0


class Acceptor:
    """Accepts one connection after another. `expect` gives the next message received; `say` sends one."""

    def __init__(self, name: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.gateway = Gateway(name, "127.0.0.1", self._listener.getsockname()[1])
        self._received: queue.Queue[dict[int, str]] = queue.Queue()
        self._connection: socket.socket | None = None
        self.next_out = 1
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connection = connection
            self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        splitter = wire.Splitter()
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            for message in splitter.feed(data):
                self._received.put(wire.decode(message))

    def expect(self, msg_type: str) -> dict[int, str]:
        """The next message, which must be of this type."""
        tags = self._received.get(timeout=WITHIN_S)
        assert tags[35] == msg_type, tags
        return tags

    def say(self, msg_type: str, *fields: tuple[int, str], seq: int | None = None, original: str = "") -> None:
        """One message; without `seq` with the next number."""
        if seq is None:
            seq, self.next_out = self.next_out, self.next_out + 1
        assert self._connection is not None
        self._connection.sendall(wire.encode(msg_type, CELL, "M001", seq, list(fields), original=original))

    def log_on(self) -> dict[int, str]:
        """Answers the next Logon as the cell would; that Logon."""
        logon = self.expect("A")
        reset = [(141, "Y")] if logon.get(141) == "Y" else []
        if reset:
            self.next_out = 1
        self.say("A", (98, "0"), (108, logon[108]), *reset)
        return logon

    def say_bytes(self, data: bytes) -> None:
        """Anything at all."""
        assert self._connection is not None
        self._connection.sendall(data)

    def cut(self) -> None:
        """Ends the connection without a word."""
        assert self._connection is not None
        self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def close(self) -> None:
        """Nobody can connect any more."""
        self._listener.shutdown(socket.SHUT_RDWR)  # else the thread that accepts would still take one
        self._listener.close()
