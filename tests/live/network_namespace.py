"""Sockets in another network: what a host sends and hears, without a program on it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets that this thread opens meanwhile are of the network with that name (as in `ip netns`)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())}: {namespace}")

    with Path("/proc/thread-self/ns/net").open() as own, Path(f"/run/netns/{namespace}").open() as other:
        enter(other.fileno())
        try:
            yield
        finally:
            enter(own.fileno())
