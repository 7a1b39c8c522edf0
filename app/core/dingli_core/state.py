"""What a cell remembers: sessions, and orders by session and ClOrdID."""

from typing import NamedTuple

__all__ = ["Order", "Session", "Stored"]


class Stored(NamedTuple):
    """A numbered event as it was sent, with number and time of its entry."""

    n: int
    time: int
    event: bytes


class Session:
    """A FIX session. `stored[k - 1]` is the event that took out_seq k."""

    __slots__ = (
        "connection",
        "gap_to",
        "heartbeat_s",
        "installed_at",
        "known",
        "last_connection",
        "name",
        "next_in",
        "next_out",
        "open_orders",
        "stored",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.next_in = 1
        self.next_out = 1
        self.connection = 0
        self.installed_at = 1
        """The out_seq of the present connection's Logon. Not part of the state: it follows from the stored events."""
        self.last_connection = 0
        self.heartbeat_s = 0
        self.gap_to = 0
        self.stored: list[Stored] = []
        self.known: dict[str, Order | None] = {}
        """Every ClOrdID used; None for those of cancel requests."""
        self.open_orders: dict[str, Order] = {}
        """Orders with status 0 or 1 by ClOrdID, in order of acceptance."""

    def missed(self, last_out: int) -> list[Stored]:
        """What the present connection was not given after `last_out`: nothing from before its Logon, which is long."""
        return self.stored[max(last_out, self.installed_at - 1) :]

    def clear_gap(self) -> None:
        if self.gap_to and self.next_in > self.gap_to:
            self.gap_to = 0


class Order:
    """`leaves` is not 0 exactly while the order is open; `value` is the sum of price x quantity of its fills."""

    __slots__ = (
        "account",
        "cl_ord_id",
        "cum",
        "leaves",
        "ord_type",
        "order_id",
        "price",
        "quantity",
        "session",
        "side",
        "status",
        "symbol",
        "tif",
        "value",
    )

    def __init__(
        self,
        session: Session,
        order_id: str,
        cl_ord_id: str,
        account: str,
        symbol: str,
        side: str,
        ord_type: str,
        tif: str,
        price: int,
        quantity: int,
    ) -> None:
        self.session = session
        self.order_id = order_id
        self.cl_ord_id = cl_ord_id
        self.account = account
        self.symbol = symbol
        self.side = side
        self.ord_type = ord_type
        self.tif = tif
        self.price = price
        self.quantity = quantity
        self.leaves = 0
        self.cum = 0
        self.value = 0
        self.status = "8"
