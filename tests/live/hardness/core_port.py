"""A core that leads a cell of its own, and gateways' links to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dingli_minicore.codec import Kind

from tests.live.gateway.cell import Cell
from tests.live.minicore.rig import Gateway

__all__ = ["MAIN", "MINIMAL", "Honest", "Leading", "memory_kb", "role"]

MAIN, MINIMAL = "host-1/main", "host-1/minimal"


@dataclass
class Leading:
    """A core that leads a cell of its own, and how to reach it as a gateway."""

    cell: Cell
    child: Callable[[], int]
    log: Path
    connect: Callable[[], Gateway]
    memory_kb: Callable[[], int]
    port: int


def memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS:")))


def role(cell: Cell, core: str) -> str:
    """What the core says it is; empty where it has not said anything yet."""
    status = cell.get(f"status/{core.replace('/', ':')}")
    return str(json.loads(status)["role"]) if status else ""


class Honest:
    """A gateway with one member, whose every order is acknowledged on its own link."""

    def __init__(self, gateway: Gateway, session: str = "HONEST") -> None:
        self._gateway, self._session = gateway, session
        gateway.hello()
        gateway.until(0x81)
        self._connection, self._in_seq = time.time_ns(), 1
        gateway.submit(Kind.LOGON, self._session, self._connection, 1, 30, 1)
        assert gateway.answer()[0] == [(Kind.LOGON, 1, 0)]

    def order(self) -> None:
        self._in_seq += 1
        body = (f"h{self._in_seq}", "", "GADGET", "1", "2", "3", 500, 1)
        self._gateway.submit(Kind.NEW_ORDER, self._session, self._connection, self._in_seq, *body)
        acks, _ = self._gateway.answer()
        assert acks == [(Kind.NEW_ORDER, self._in_seq, 0)]
