"""Waiting until hosts answer as a person would reach them."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence

from lab.exceptions import LabError
from lab.layout import LabHost

LIMIT_S = 60
EMULATED_LIMIT_S = 180


def wait(hosts: Sequence[LabHost], tell: Callable[[str], None]) -> None:
    """Until every host has shown its SSH banner; LabError names those that did not."""
    started = time.monotonic()
    open_ = {host.name: host for host in hosts}
    while open_:
        for host in [host for host in open_.values() if answers(host)]:
            del open_[host.name]
            if time.monotonic() - started > 1:
                tell(f"{host.name} answers after {time.monotonic() - started:.1f} s")
        late = [host.name for host in open_.values() if time.monotonic() - started > _limit_s(host)]
        if late:
            raise LabError(
                f"{', '.join(late)} did not answer SSH in time",
                "an SSH banner on port 22",
                f"look at it with `dingli lab console {late[0]}`",
            )
        if open_:
            time.sleep(0.1)


def answers(host: LabHost, timeout_s: float = 2.0) -> bool:
    """True if the host's SSH service shows its banner."""
    try:
        with socket.create_connection((host.address, 22), timeout=0.5) as link, selectors.DefaultSelector() as waiter:
            waiter.register(link, selectors.EVENT_READ)
            return bool(waiter.select(timeout_s)) and link.recv(8).startswith(b"SSH-")
    except OSError:
        return False


def _limit_s(host: LabHost) -> float:
    return EMULATED_LIMIT_S if host.emulated else LIMIT_S
