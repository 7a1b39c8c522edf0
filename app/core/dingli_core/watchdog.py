"""The sign of life for systemd's watchdog: a core whose event loop stands still is ended and started anew."""

import asyncio
import contextlib
import os
import socket

__all__ = ["keep_telling"]

EVERY_S = 1.0


async def keep_telling() -> None:
    """Until cancelled; returns at once where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        while True:
            # A full queue, or a manager that starts anew: the watchdog waits for far longer than one turn.
            with contextlib.suppress(OSError):
                manager.sendto(b"WATCHDOG=1", address)
            await asyncio.sleep(EVERY_S)
