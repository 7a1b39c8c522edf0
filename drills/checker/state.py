"""What the reference keeps: sessions, orders, and what each executed command did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drills.checker.wire import Record

EXECUTED, DUPLICATE, STALE_CONNECTION, GAP, REFUSED, TOO_LOW = range(6)
NO_REASON: Final = 65535
MAX_SEQUENCE: Final = 2**63 - 1
UNNUMBERED: Final = ("Resend", "Disconnect")


@dataclass
class Session:
    """One member's FIX session with the cell."""

    name: str
    next_in: int = 1
    next_out: int = 1
    connection: int = 0
    last_connection: int = 0
    heartbeat_s: int = 0
    gap_to: int = 0
    stored: list[tuple[int, int, Record]] = field(default_factory=list)


@dataclass(eq=False)
class Order:
    """One order as it is now."""

    session: str
    order_id: str
    cl_ord_id: str
    account: str
    symbol: str
    side: str
    ord_type: str
    tif: str
    price: int
    quantity: int
    status: str = "8"
    leaves: int = 0
    cum: int = 0
    value: int = 0

    @property
    def is_open(self) -> bool:
        return self.status in ("0", "1")

    @property
    def avg_px(self) -> int:
        return (2 * self.value + self.cum) // (2 * self.cum) if self.cum else 0


@dataclass(frozen=True)
class Executed:
    """What one command did: position, the command, and its result."""

    n: int
    index: int
    time_ns: int
    epoch: int
    command: Record
    status: int
    next_in: int
    next_out: int
    events: tuple[Record, ...]
