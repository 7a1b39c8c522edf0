"""FIX 4.4 bytes, as a member's client writes and reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

SOH: Final = b"\x01"
MAX_LENGTH_DIGITS: Final = 6
Fields = list[tuple[int, str]]


class ProtocolError(Exception):
    """Bytes from a gateway that are not FIX; the message says what was found."""


def timestamp() -> str:
    """Now, as UTCTimestamp with milliseconds."""
    now = time.time_ns()
    return f"{time.strftime('%Y%m%d-%H:%M:%S', time.gmtime(now // 1_000_000_000))}.{now // 1_000_000 % 1000:03d}"


def encode(
    msg_type: str, sender: str, target: str, seq: int, fields: Fields, *, sending: str = "", original: str = ""
) -> bytes:
    """One message, sent now or at `sending`; with `original` (its first SendingTime) it is a possible duplicate."""
    head = f"35={msg_type}\x0149={sender}\x0156={target}\x0134={seq}\x01"
    if original:
        head += "43=Y\x01"
    head += f"52={sending or timestamp()}\x01"
    if original:
        head += f"122={original}\x01"
    body = (head + "".join(f"{tag}={value}\x01" for tag, value in fields)).encode("ascii")
    message = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
    return message + b"10=%03d\x01" % (sum(message) % 256)


class Splitter:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self.buffer = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The whole messages that `data` completes; raises ProtocolError for bytes that cannot be FIX."""
        self.buffer += data
        while True:
            size = self._size()
            if size is None or len(self.buffer) < size:
                return
            message, self.buffer = self.buffer[:size], self.buffer[size:]
            yield message

    def _size(self) -> int | None:
        if len(self.buffer) < 20:
            return None
        if not self.buffer.startswith(b"8=FIX.4.4\x019="):
            raise ProtocolError(f"a message starts with {self.buffer[:20]!r}, expected 8=FIX.4.4 and 9=")
        end = self.buffer.find(SOH, 12, 12 + MAX_LENGTH_DIGITS + 1)
        digits = self.buffer[12:end] if end >= 0 else self.buffer[12 : 12 + MAX_LENGTH_DIGITS + 1]
        if (end < 0 and len(digits) > MAX_LENGTH_DIGITS) or not digits.isdigit():
            raise ProtocolError(f"a message has the length {digits!r}, expected at most {MAX_LENGTH_DIGITS} digits")
        if end < 0:
            return None
        size = end + 1 + int(digits) + 7
        if len(self.buffer) >= size and not self.buffer.startswith(b"10=", size - 7):
            raise ProtocolError(f"a message ends with {self.buffer[size - 7 : size]!r}, expected 10= and a checksum")
        return size


def decode(message: bytes) -> dict[int, str]:
    """Tags of one message; of a repeated tag the last."""
    return {
        int(tag): value
        for tag, _, value in (field.partition("=") for field in message[:-1].decode("latin-1").split("\x01"))
    }
