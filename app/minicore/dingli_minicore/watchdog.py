"""Tells systemd that this process goes on: one that stands still is ended and started anew, whatever holds it."""

from __future__ import annotations

import os
import socket
import time

__all__ = ["Watchdog"]

_EVERY_S = 1.0


class Watchdog:
    """`beat` belongs into every loop that can last; without systemd it does nothing."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._due = 0.0

    def beat(self) -> None:
        """At most once a second."""
        now = time.monotonic()
        if now < self._due or not self._address:
            return
        self._due = now + _EVERY_S
        try:
            self._socket.sendto(b"WATCHDOG=1", self._address.replace("@", "\0", 1))
        except OSError:
            self._due = now  # systemd is busy or starts anew: the next turn tries again
