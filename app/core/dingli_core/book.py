"""One side of one symbol's book: best price first, oldest order first.

Prices lie in a heap and orders of one price in a queue. A cancelled order stays where it is, closed, and is thrown
away when it comes to the front, so that cancelling costs nothing here.
"""

from collections import deque
from heapq import heappop, heappush

from dingli_core.state import Order

__all__ = ["Book", "BookSide"]


class BookSide:
    """`sign` is 1 where the lowest price is best (sellers) and -1 where the highest is (buyers)."""

    __slots__ = ("_heap", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._heap: list[int] = []
        self._levels: dict[int, deque[Order]] = {}

    def add(self, order: Order) -> None:
        key = order.price * self._sign
        level = self._levels.get(key)
        if level is None:
            self._levels[key] = deque((order,))
            heappush(self._heap, key)
        else:
            level.append(order)

    def best(self) -> Order | None:
        """The oldest open order at the best price."""
        heap = self._heap
        while heap:
            level = self._levels[heap[0]]
            while level:
                if level[0].leaves:
                    return level[0]
                level.popleft()
            del self._levels[heappop(heap)]
        return None

    def open_orders(self) -> list[Order]:
        """All open orders, best first."""
        return [order for key in sorted(self._levels) for order in self._levels[key] if order.leaves]


class Book:
    """Both sides of one symbol."""

    __slots__ = ("buyers", "sellers")

    def __init__(self) -> None:
        self.buyers = BookSide(-1)
        self.sellers = BookSide(1)
