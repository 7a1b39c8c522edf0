"""What the power switch of one host does."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab import containers, network
from lab.exceptions import LabError
from lab.layout import LabHost
from lab.places import HOST_LOCKS

_LOCK_WAIT_S = 90


def cut(host: LabHost) -> None:
    """Pull the cable, then kill everything: no farewell reaches a peer, no buffer a disk."""
    with _alone(host.name):
        network.unplug(host)
        containers.kill(host.name)
        network.discard(host.namespace)


def restore(host: LabHost) -> bool:
    """Start a host with the disk it had. False if it was running already."""
    with _alone(host.name):
        machine = containers.all_containers().get(host.name)
        if machine is None:
            raise LabError(f"the lab has no machine for {host.name}", remedy="run `dingli lab up`")
        if machine.running and network.is_plugged_in(host):
            return False
        containers.kill(host.name)
        network.plug_in(host)
        containers.start(host)
        return True


@contextmanager
def _alone(host: str) -> Iterator[None]:
    HOST_LOCKS.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _LOCK_WAIT_S
    with (HOST_LOCKS / f"{host}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LabError(f"another operation has held {host} for {_LOCK_WAIT_S} s") from None
                time.sleep(0.02)
        yield
