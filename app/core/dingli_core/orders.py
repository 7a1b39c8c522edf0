"""Orders: acceptance, matching, cancellation, mass status (docs/protocol.md, section 7)."""

from dingli_core.book import Book, BookSide
from dingli_core.commands import POSS_RESEND, Cancel, Instrument, NewOrder, SessionCommand
from dingli_core.events import CANCEL_REJECT, EXECUTION_REPORT, NO_REASON, CancelReject, Event, ExecutionReport
from dingli_core.state import Order, Session

__all__ = ["Orders"]

BUY, SELL = "1", "2"
MARKET, LIMIT = "1", "2"
DAY, IMMEDIATE_OR_CANCEL = "0", "3"
NEW, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED = "0", "1", "2", "4", "8"
TRADE, STATUS = "F", "I"

REASON_UNKNOWN_SYMBOL = 1
REASON_UNKNOWN_ORDER = 1
REASON_TOO_LATE = 0
REASON_DUPLICATE = 6
REASON_UNSUPPORTED = 11
REASON_QUANTITY = 13
REASON_OTHER = 99
NO_ORDER = "NONE"


class Orders:
    """The books, and the configuration that orders are judged by."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.max_age_ns = 0
        self.books: dict[str, Book] = {}
        self._time = 0
        self._order_prefix = ""
        self._exec_prefix = ""
        self._reports = 0

    def begin_entry(self, generation: int, epoch: int, n: int, time: int) -> None:
        self._time = time
        self._order_prefix = f"{generation}.{n}."
        self._exec_prefix = f"{generation}.{epoch}.{n}."
        self._reports = 0

    def new_order(
        self, session: Session, command: SessionCommand, body: NewOrder, index: int, out: list[Event]
    ) -> None:
        """`index` is the command's place in its entry, from 1."""
        cl_ord_id, account, symbol, side, ord_type, tif, price, quantity = body
        known = session.known
        if cl_ord_id in known:
            original = known[cl_ord_id]
            if original is not None and command.flags & POSS_RESEND:
                out.append(self._report(original, STATUS))
            else:
                out.append(self._duplicate(session, body))
            return
        order_id = f"{self._order_prefix}{index}"
        shown_price = 0 if ord_type == MARKET else price
        order = Order(session, order_id, cl_ord_id, account, symbol, side, ord_type, tif, shown_price, quantity)
        known[cl_ord_id] = order
        reject = self._reason_to_reject(command.ingress, body)
        if reject is not None:
            out.append(self._report(order, REJECTED, reason=reject[0], text=reject[1]))
            return
        order.status = NEW
        order.leaves = quantity
        session.open_orders[cl_ord_id] = order
        out.append(self._report(order, NEW))
        self._match(order, out)

    def cancel(self, session: Session, command: SessionCommand, body: Cancel, out: list[Event]) -> None:
        if body.cl_ord_id in session.known:
            out.append(_cancel_reject(session, body, None, REASON_DUPLICATE, "duplicate ClOrdID"))
            return
        session.known[body.cl_ord_id] = None
        if self._is_stale(command.ingress):
            out.append(_cancel_reject(session, body, None, REASON_OTHER, "stale"))
            return
        order = session.known.get(body.orig_cl_ord_id)
        if order is None:
            out.append(_cancel_reject(session, body, None, REASON_UNKNOWN_ORDER, "unknown order"))
        elif order.symbol != body.symbol or order.side != body.side:
            out.append(_cancel_reject(session, body, order, REASON_OTHER, "symbol or side differs"))
        elif not order.leaves:
            out.append(_cancel_reject(session, body, order, REASON_TOO_LATE, "order not open"))
        else:
            self._close(order, CANCELLED)
            out.append(self._report(order, CANCELLED, cl_ord_id=body.cl_ord_id, orig_cl_ord_id=order.cl_ord_id))

    def mass_status(self, session: Session, mass_id: str, out: list[Event]) -> None:
        orders = list(session.open_orders.values())
        for place, order in enumerate(orders, start=1):
            last = int(place == len(orders))
            out.append(self._report(order, STATUS, mass_id=mass_id, mass_total=len(orders), mass_last=last))
        if not orders:
            nothing = Order(session, NO_ORDER, "", "", "[N/A]", "7", "0", "0", 0, 0)
            out.append(self._report(nothing, STATUS, mass_id=mass_id, mass_last=1, text="no open orders"))

    def _is_stale(self, ingress: int) -> bool:
        return self._time - ingress > self.max_age_ns

    def _reason_to_reject(self, ingress: int, body: NewOrder) -> tuple[int, str] | None:
        if self._time - ingress > self.max_age_ns:
            return REASON_OTHER, "stale"
        instrument = self.instruments.get(body.symbol)
        if instrument is None:
            return REASON_UNKNOWN_SYMBOL, "unknown symbol"
        if body.side not in (BUY, SELL):
            return REASON_UNSUPPORTED, "unsupported side"
        if body.ord_type not in (MARKET, LIMIT):
            return REASON_UNSUPPORTED, "unsupported order type"
        if body.tif not in (DAY, IMMEDIATE_OR_CANCEL):
            return REASON_UNSUPPORTED, "unsupported time in force"
        if not 0 < body.quantity <= instrument.max_quantity:
            return REASON_QUANTITY, "quantity out of range"
        if body.ord_type == LIMIT:
            if not instrument.min_price <= body.price <= instrument.max_price:
                return REASON_OTHER, "price out of range"
            if body.price % instrument.tick:
                return REASON_OTHER, "price not on tick"
        return None

    def _match(self, order: Order, out: list[Event]) -> None:
        book = self.books.get(order.symbol)
        if book is None:
            book = self.books[order.symbol] = Book()
        own, opposite = (book.buyers, book.sellers) if order.side == BUY else (book.sellers, book.buyers)
        self._take(order, opposite, out)
        if not order.leaves:
            return
        if order.ord_type == MARKET or order.tif == IMMEDIATE_OR_CANCEL:
            self._close(order, CANCELLED)
            out.append(self._report(order, CANCELLED, text="remainder cancelled"))
        else:
            own.add(order)

    def _take(self, order: Order, opposite: BookSide, out: list[Event]) -> None:
        limited = order.ord_type == LIMIT
        buying = order.side == BUY
        fills = 0
        while order.leaves:
            resting = opposite.best()
            if resting is None:
                return
            price = resting.price
            if limited and (price > order.price if buying else price < order.price):
                return
            fills += 1
            quantity = min(order.leaves, resting.leaves)
            match_id = f"{order.order_id}.{fills}"
            for party in (order, resting):
                _fill(party, quantity, price)
                out.append(self._report(party, TRADE, last_qty=quantity, last_px=price, match_id=match_id))

    def _close(self, order: Order, status: str) -> None:
        order.leaves = 0
        order.status = status
        del order.session.open_orders[order.cl_ord_id]

    def _duplicate(self, session: Session, body: NewOrder) -> ExecutionReport:
        """Shows the command as it came, and is recorded nowhere."""
        nothing = Order(session, NO_ORDER, *body)
        return self._report(nothing, REJECTED, reason=REASON_DUPLICATE, text="duplicate ClOrdID")

    def _report(
        self,
        order: Order,
        exec_type: str,
        *,
        reason: int = NO_REASON,
        text: str = "",
        cl_ord_id: str | None = None,
        orig_cl_ord_id: str = "",
        last_qty: int = 0,
        last_px: int = 0,
        match_id: str = "",
        mass_id: str = "",
        mass_total: int = 0,
        mass_last: int = 0,
    ) -> ExecutionReport:
        session = order.session
        out_seq = session.next_out
        session.next_out = out_seq + 1
        self._reports += 1
        cum = order.cum
        return ExecutionReport(
            EXECUTION_REPORT,
            session.name,
            session.connection,
            out_seq,
            order.order_id,
            f"{self._exec_prefix}{self._reports}",
            order.cl_ord_id if cl_ord_id is None else cl_ord_id,
            orig_cl_ord_id,
            exec_type,
            order.status,
            reason,
            order.symbol,
            order.side,
            order.ord_type,
            order.tif,
            order.price,
            order.quantity,
            last_qty,
            last_px,
            order.leaves,
            cum,
            (2 * order.value + cum) // (2 * cum) if cum else 0,
            match_id,
            order.account,
            mass_id,
            mass_total,
            mass_last,
            text,
        )


def _fill(order: Order, quantity: int, price: int) -> None:
    order.leaves -= quantity
    order.cum += quantity
    order.value += quantity * price
    if order.leaves:
        order.status = PARTIALLY_FILLED
    else:
        order.status = FILLED
        del order.session.open_orders[order.cl_ord_id]


def _cancel_reject(session: Session, body: Cancel, order: Order | None, reason: int, text: str) -> CancelReject:
    """`order` is None where no order was found: the reject then names none."""
    out_seq = session.next_out
    session.next_out = out_seq + 1
    order_id, status = (NO_ORDER, REJECTED) if order is None else (order.order_id, order.status)
    return CancelReject(
        CANCEL_REJECT,
        session.name,
        session.connection,
        out_seq,
        order_id,
        body.cl_ord_id,
        body.orig_cl_ord_id,
        status,
        reason,
        text,
    )
