"""Price-time priority, and identifiers that repeat."""

from __future__ import annotations

from dingli_minicore.book import Book, Order


def _order(name: str, side: str, price: int, quantity: int, type_: str = "2") -> Order:
    return Order(name, "M1", name, "", "X", side, type_, "0", price, quantity)


def _book(*orders: Order) -> Book:
    book = Book()
    for order in orders:
        book.side(order.side).add(order)
    return book


def test_the_best_price_and_there_the_oldest_order_is_filled_first() -> None:
    first, second, better = _order("1", "2", 100, 5), _order("2", "2", 100, 5), _order("3", "2", 99, 5)
    book = _book(first, second, better)
    fills = [(resting.order_id, quantity, price) for resting, quantity, price in book.match(_order("4", "1", 100, 12))]
    assert fills == [("3", 5, 99), ("1", 5, 100), ("2", 2, 100)]
    assert (first.status, second.status, second.leaves) == ("2", "1", 3)


def test_a_limit_is_never_passed_and_a_market_order_has_none() -> None:
    book = _book(_order("1", "1", 100, 5), _order("2", "1", 90, 5))
    assert [fill[2] for fill in book.match(_order("3", "2", 95, 9))] == [100]
    assert [fill[2] for fill in book.match(_order("4", "2", 0, 9, "1"))] == [90]
    assert list(book.match(_order("5", "2", 1, 1))) == []


def test_an_order_that_is_removed_is_not_filled_and_keeps_nobody_from_it() -> None:
    first, second, third = (_order(name, "1", 100, 5) for name in "123")
    book = _book(first, second, third)
    book.side("1").remove(second)
    assert [fill[0].order_id for fill in book.match(_order("4", "2", 100, 10))] == ["1", "3"]
    assert book.bids.best(None) is None


def test_the_average_price_is_rounded_half_up() -> None:
    order = _order("1", "1", 100, 4)
    assert order.average == 0
    order.fill(1, 100)
    order.fill(1, 101)
    assert order.average == 101
    order.fill(2, 100)
    assert order.average == 100
