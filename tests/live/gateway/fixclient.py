"""A FIX client written out by hand: it says exactly what the test says, wrong things too."""

import datetime
import socket
import ssl
import time
from pathlib import Path

from tests.live.gateway.cell import CELL, PASSWORD

__all__ = ["Fields", "FixClient"]

Fields = dict[int, str]
ANSWER_S = 60.0


class FixClient:
    """Keeps its next number over connections, as a member's engine does. `received` holds every message ever got."""

    def __init__(self, session: str, authority: Path | None = None, receive_buffer: int = 0) -> None:
        self.session = session
        self._receive_buffer = receive_buffer
        self.next_out = 1
        self.received: list[Fields] = []
        self._authority = authority
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._unread: list[Fields] = []

    def connect(self, port: int) -> None:
        """A new connection; what was not read of an older one is forgotten."""
        self.cut()
        plain = socket.socket()
        if self._receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        plain.settimeout(60)
        plain.connect(("127.0.0.1", port))
        if self._authority is None:
            self._socket = plain
        else:
            context = ssl.create_default_context(cafile=str(self._authority))
            self._socket = context.wrap_socket(plain, server_hostname="localhost")

    def cut(self) -> None:
        """The connection ends without a word."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""
        self._unread = []

    def send_bytes(self, data: bytes) -> None:
        """Anything at all."""
        assert self._socket is not None
        self._socket.sendall(data)

    def encode(self, msg_type: str, body: list[tuple[int, object]], **header: object) -> bytes:
        """A message; `seq`, `sender`, `target`, `sent`, `begin` replace what would stand there."""
        if "seq" not in header:
            header["seq"] = self.next_out
            self.next_out += 1
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]
        fields: list[tuple[int, object]] = [
            (35, msg_type),
            (49, header.get("sender", self.session)),
            (56, header.get("target", CELL)),
            (34, header["seq"]),
            (52, header.get("sent", now)),
            *body,
        ]
        inner = "".join(f"{tag}={value}\x01" for tag, value in fields if value is not None).encode()
        head = f"8={header.get('begin', 'FIX.4.4')}\x019={len(inner)}\x01".encode() + inner
        return head + b"10=%03d\x01" % (sum(head) % 256)

    def send(self, msg_type: str, *body: tuple[int, object], **header: object) -> None:
        """One message, numbered unless `seq` says otherwise."""
        self.send_bytes(self.encode(msg_type, list(body), **header))

    def log_on(self, port: int, *extra: tuple[int, object], heartbeat_s: int = 30, password: str = PASSWORD) -> None:
        """Connect and send a Logon; what comes back is for the test to read."""
        self.connect(port)
        self.send("A", (98, 0), (108, heartbeat_s), (553, self.session), (554, password), *extra)

    def order(self, cl_ord_id: str, side: str, quantity: object, price: str, symbol: str = "WIDGET") -> None:
        """A day limit order."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H:%M:%S")
        body = [(11, cl_ord_id), (55, symbol), (54, side), (38, quantity), (40, 2), (44, price), (59, 0), (60, now)]
        self.send("D", *body)

    def cancel(self, cl_ord_id: str, original: str, side: str) -> None:
        """A cancel request."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H:%M:%S")
        self.send("F", (11, cl_ord_id), (41, original), (55, "WIDGET"), (54, side), (60, now))

    def receive(self, within_s: float = ANSWER_S) -> Fields | None:
        """The next message, None when the other side has closed; AssertionError after the deadline."""
        assert self._socket is not None
        deadline = time.monotonic() + within_s
        while not self._unread:
            left = deadline - time.monotonic()
            assert left > 0, f"{self.session}: nothing received within {within_s} s"
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except (ConnectionResetError, ssl.SSLEOFError):
                data = b""
            if not data:
                return None
            self._buffer += data
            self._split()
        message = self._unread.pop(0)
        self.received.append(message)
        return message

    def _split(self) -> None:
        while (end := self._buffer.find(b"\x0110=")) >= 0 and len(self._buffer) >= end + 8:
            raw, self._buffer = self._buffer[: end + 8], self._buffer[end + 8 :]
            assert int(raw[-4:-1]) == sum(raw[: end + 1]) % 256, f"wrong checksum: {raw!r}"
            pairs = (part.partition(b"=") for part in raw.split(b"\x01")[:-1])
            self._unread.append({int(tag): value.decode() for tag, _, value in pairs})

    def expect(self, msg_type: str, **wanted: object) -> Fields:
        """The next message is of this type and holds these values, written t58="…"."""
        message = self.receive()
        assert message is not None, f"{self.session}: closed, expected 35={msg_type}"
        found = {tag: message.get(int(tag[1:])) for tag in wanted}
        assert message[35] == msg_type, f"found {message}, expected 35={msg_type}"
        assert found == {tag: value if value is None else str(value) for tag, value in wanted.items()}, str(message)
        return message

    def expect_closed(self) -> None:
        """The other side closes, and says nothing more."""
        message = self.receive()
        assert message is None, f"found {message}, expected the end of the connection"
