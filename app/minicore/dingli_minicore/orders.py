"""Orders, cancels and the mass status (section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field

from dingli_minicore.book import Book, Order
from dingli_minicore.codec import Command, Event, EventType, Instrument
from dingli_minicore.sessions import Session

__all__ = ["Place", "cancel", "mass_status", "new_order"]

_NONE = 65535
_POSS_RESEND = 2


@dataclass(slots=True)
class Place:
    """Where in the journal a command stands, and what identifiers are made from."""

    generation: int
    epoch: int
    n: int
    time: int
    max_age_ns: int
    command: int = 0
    reports: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)

    def exec_id(self) -> str:
        """The next ExecID of the entry."""
        self.reports += 1
        return f"{self.generation}.{self.epoch}.{self.n}.{self.reports}"

    def order_id(self) -> str:
        """The OrderID of the present command."""
        return f"{self.generation}.{self.n}.{self.command}"

    def is_stale(self, command: Command) -> bool:
        """Whether the command waited longer than the configuration allows."""
        return self.time - command.ingress > self.max_age_ns


def _report(
    place: Place, session: Session, order: Order, exec_type: str, events: list[Event], *, reason: int = _NONE,
    last: tuple[int, int] = (0, 0), match_id: str = "", request: str | None = None,
    mass: tuple[str, int, int] = ("", 0, 0), text: str = "",
) -> None:  # fmt: skip
    """An ExecutionReport of the order as it is; `request` is the ClOrdID of a cancel request."""
    session.emit(
        events, EventType.EXECUTION_REPORT, order.order_id, place.exec_id(),
        order.cl_ord_id if request is None else request, "" if request is None else order.cl_ord_id,
        exec_type, order.status, reason, order.symbol, order.side, order.type, order.tif, order.price, order.quantity,
        last[0], last[1], order.leaves, order.cum, order.average, match_id, order.account, *mass, text,
    )  # fmt: skip


def new_order(place: Place, session: Session, command: Command, events: list[Event]) -> None:
    """Section 7.1."""
    cl_ord_id, account, symbol, side, type_, tif, price, quantity = command.body
    if cl_ord_id in session.known:
        before = session.known[cl_ord_id]
        if before is not None and command.flags & _POSS_RESEND:
            _report(place, session, before, "I", events)
            return
        shown = Order("NONE", session.name, cl_ord_id, account, symbol, side, type_, tif, price, quantity)
        shown.status, shown.leaves = "8", 0
        _report(place, session, shown, "8", events, reason=6, text="duplicate ClOrdID")
        return
    price = 0 if type_ == "1" else price
    order = Order(place.order_id(), session.name, cl_ord_id, account, symbol, side, type_, tif, price, quantity)
    session.known[cl_ord_id] = order
    refusal = _refusal(place, command, order)
    if refusal is not None:
        order.status, order.leaves = "8", 0
        _report(place, session, order, "8", events, reason=refusal[0], text=refusal[1])
        return
    _report(place, session, order, "0", events)
    _trade(place, session, order, events)


def _refusal(place: Place, command: Command, order: Order) -> tuple[int, str] | None:
    """The first reason against an order, with its text; None if there is none."""
    instrument = place.instruments.get(order.symbol)
    if place.is_stale(command):
        return 99, "stale"
    if instrument is None:
        return 1, "unknown symbol"
    if order.side not in {"1", "2"}:
        return 11, "unsupported side"
    if order.type not in {"1", "2"}:
        return 11, "unsupported order type"
    if order.tif not in {"0", "3"}:
        return 11, "unsupported time in force"
    if not 0 < order.quantity <= instrument.max_quantity:
        return 13, "quantity out of range"
    if order.type == "2" and not instrument.min_price <= order.price <= instrument.max_price:
        return 99, "price out of range"
    if order.type == "2" and order.price % instrument.tick:
        return 99, "price not on tick"
    return None


def _trade(place: Place, session: Session, order: Order, events: list[Event]) -> None:
    """Match an accepted order; what is left rests or is cancelled."""
    book = place.books.get(order.symbol)
    if book is None:
        book = place.books[order.symbol] = Book()
    for fill, (resting, quantity, price) in enumerate(book.match(order), 1):
        match_id = f"{order.order_id}.{fill}"
        _report(place, session, order, "F", events, last=(quantity, price), match_id=match_id)
        owner = place.sessions[resting.session]
        _report(place, owner, resting, "F", events, last=(quantity, price), match_id=match_id)
        if not resting.leaves:
            del owner.open[resting.order_id]
    if not order.leaves:
        return
    if order.type == "1" or order.tif == "3":
        order.status, order.leaves = "4", 0
        _report(place, session, order, "4", events, text="remainder cancelled")
    else:
        book.side(order.side).add(order)
        session.open[order.order_id] = order


def cancel(place: Place, session: Session, command: Command, events: list[Event]) -> None:
    """Section 7.2."""
    cl_ord_id, orig, symbol, side = command.body

    def reject(order: Order | None, reason: int, text: str) -> None:
        order_id, status = ("NONE", "8") if order is None else (order.order_id, order.status)
        session.emit(events, EventType.CANCEL_REJECT, order_id, cl_ord_id, orig, status, reason, text)

    if cl_ord_id in session.known:
        reject(None, 6, "duplicate ClOrdID")
        return
    order = session.known.get(orig)
    session.known[cl_ord_id] = None
    if place.is_stale(command):
        reject(None, 99, "stale")
    elif order is None:
        reject(None, 1, "unknown order")
    elif (symbol, side) != (order.symbol, order.side):
        reject(order, 99, "symbol or side differs")
    elif not order.is_open:
        reject(order, 0, "order not open")
    else:
        place.books[order.symbol].side(order.side).remove(order)
        del session.open[order.order_id]
        order.status, order.leaves = "4", 0
        _report(place, session, order, "4", events, request=cl_ord_id)


def mass_status(place: Place, session: Session, command: Command, events: list[Event]) -> None:
    """Section 7.3."""
    (mass_id,) = command.body
    total = len(session.open)
    for at, order in enumerate(session.open.values(), 1):
        _report(place, session, order, "I", events, mass=(mass_id, total, int(at == total)))
    if not total:
        shown = Order("NONE", session.name, "", "", "[N/A]", "7", "0", "0", 0, 0)
        shown.status = "8"
        _report(place, session, shown, "I", events, mass=(mass_id, 0, 1), text="no open orders")
