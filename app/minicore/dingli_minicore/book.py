"""Orders and the book of one symbol: per side a sorted list of prices, and per price a queue."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

__all__ = ["BUY", "Book", "Order", "Side"]

BUY = "1"


class Order:
    """An order of a session; changes as it is filled or cancelled."""

    __slots__ = (
        "account",
        "cl_ord_id",
        "cum",
        "leaves",
        "order_id",
        "price",
        "quantity",
        "session",
        "side",
        "status",
        "symbol",
        "tif",
        "type",
        "value",
    )

    def __init__(
        self, order_id: str, session: str, cl_ord_id: str, account: str, symbol: str, side: str, type_: str, tif: str,
        price: int, quantity: int,
    ) -> None:  # fmt: skip
        self.order_id, self.session, self.cl_ord_id, self.account = order_id, session, cl_ord_id, account
        self.symbol, self.side, self.type, self.tif = symbol, side, type_, tif
        self.price, self.quantity = price, quantity
        self.status = "0"
        self.leaves = quantity
        self.cum = 0
        self.value = 0

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled or cancelled."""
        return self.status in {"0", "1"}

    @property
    def average(self) -> int:
        """The average price of its fills, halves rounded up; 0 without fills."""
        return (2 * self.value + self.cum) // (2 * self.cum) if self.cum else 0

    def fill(self, quantity: int, price: int) -> None:
        """Account for one fill."""
        self.leaves -= quantity
        self.cum += quantity
        self.value += quantity * price
        self.status = "1" if self.leaves else "2"


class Side:
    """One side of a book. Prices are kept as keys that grow towards the best, which is thus the last."""

    __slots__ = ("_keys", "_queues", "_sign")

    def __init__(self, side: str) -> None:
        self._sign = 1 if side == BUY else -1
        self._keys: list[int] = []
        self._queues: dict[int, deque[Order]] = {}

    def add(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        key = order.price * self._sign
        queue = self._queues.get(key)
        if queue is None:
            insort(self._keys, key)
            queue = self._queues[key] = deque()
        queue.append(order)

    def remove(self, order: Order) -> None:
        """Take an order out, wherever in its queue it stands."""
        key = order.price * self._sign
        queue = self._queues[key]
        queue.remove(order)
        if not queue:
            del self._queues[key]
            del self._keys[bisect_left(self._keys, key)]

    def best(self, limit: int | None) -> Order | None:
        """The oldest order at the best price, if that price is acceptable to a counterpart of price `limit`."""
        if not self._keys:
            return None
        key = self._keys[-1]
        # A counterpart accepts its own price or a better one: for it that is a key at least as good as its limit's.
        if limit is not None and key < limit * self._sign:
            return None
        return self._queues[key][0]

    def pop_best(self) -> None:
        """Take out what `best` showed."""
        key = self._keys[-1]
        queue = self._queues[key]
        queue.popleft()
        if not queue:
            del self._queues[key]
            self._keys.pop()


class Book:
    """Both sides of a symbol."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Side(BUY)
        self.asks = Side("2")

    def side(self, side: str) -> Side:
        """The side on which an order of `side` rests."""
        return self.bids if side == BUY else self.asks

    def match(self, order: Order) -> Iterator[tuple[Order, int, int]]:
        """Fill `order` as far as the opposite side allows: yields (resting order, quantity, price) after each fill."""
        opposite = self.asks if order.side == BUY else self.bids
        limit = order.price if order.type == "2" else None
        while order.leaves:
            resting = opposite.best(limit)
            if resting is None:
                return
            quantity = min(order.leaves, resting.leaves)
            order.fill(quantity, resting.price)
            resting.fill(quantity, resting.price)
            if not resting.leaves:
                opposite.pop_best()
            yield resting, quantity, resting.price
