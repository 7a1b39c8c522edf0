"""What has to come before a part of a journal, so that it can be executed by itself with the same trades.

Sessions stand where they stood, the books hold the same orders in the same order, ClOrdIDs that were used and come
again are known. What is not brought back changes no trade: messages sent earlier, what was filled of an order before.
"""

from __future__ import annotations

from collections.abc import Iterator

from drills.checker.reference import Reference
from drills.checker.state import Session
from drills.checker.wire import Record

__all__ = ["SHIFT", "opening"]

SHIFT = 1
"""Added to every connection number of a copy that has an opening, which needs one below all others."""

_HIGHEST_U32 = 2**32 - 1
_MOST_QUANTITY, _MOST_PRICE = 10**6, 10**9


def opening(state: Reference, core: str, reused: set[tuple[str, str]], time_ns: int) -> list[Record]:
    """Commands that lead an empty cell to `state`. `reused`: (session, ClOrdID) of the commands that will follow."""
    commands: list[Record] = [{"kind": "EpochStart", "ingress": 0, "core": core}]
    commands += _configuration(state, before_orders=True)
    numbers = dict.fromkeys(state.sessions, 1)

    def sent(kind: str, session: str, **fields: object) -> Record:
        numbers[session] += 1
        base = {"kind": kind, "ingress": time_ns, "session": session, "connection": SHIFT, "flags": 0}
        return base | {"in_seq": numbers[session] - 1} | fields

    # A session that never got beyond its first number has nothing to be brought back but that it is there.
    begun = [session for session in state.sessions.values() if session.next_in > 1]
    commands += [sent("Logon", one.name, heartbeat_s=one.heartbeat_s, reset=0) for one in begun]
    for order in state.open:
        fields = {
            name: getattr(order, name)
            for name in ("cl_ord_id", "account", "symbol", "side", "ord_type", "tif", "price")
        }
        commands.append(sent("NewOrderSingle", order.session, **fields, quantity=order.leaves))
    still_open = {(order.session, order.cl_ord_id) for order in state.open}
    for session, cl_ord_id in sorted(((state.orders.keys() | state.cancel_ids) & reused) - still_open):
        # Refused as unknown, but recorded: from now on this ClOrdID has been used.
        fields = {"cl_ord_id": cl_ord_id, "orig_cl_ord_id": cl_ord_id, "symbol": "", "side": "1"}
        commands.append(sent("OrderCancelRequest", session, **fields))
    commands += _configuration(state, before_orders=False)
    for one in state.sessions.values():
        commands += _where_it_stood(one, time_ns)
    return commands


def _configuration(state: Reference, *, before_orders: bool) -> list[Record]:
    """Orders may rest that the present configuration would refuse: one of its own lets all of them in."""
    base = {"kind": "Configure", "ingress": 0}
    present = base | {
        "revision": state.revision,
        "max_age_ms": state.max_age_ms,
        "instruments": list(state.instruments.values()),
    }
    if state.revision < 2:  # all orders that there are came under this very configuration
        return [present] if before_orders == bool(state.revision) and before_orders else []
    if not before_orders:
        return [present]
    limits = {"tick": 1, "max_quantity": _MOST_QUANTITY, "min_price": 0, "max_price": _MOST_PRICE}
    symbols = sorted({order.symbol for order in state.open})
    every = [{"symbol": symbol} | limits for symbol in symbols]
    return [base | {"revision": state.revision - 1, "max_age_ms": _HIGHEST_U32, "instruments": every}]


def _where_it_stood(session: Session, time_ns: int) -> Iterator[Record]:
    """The session's numbers and connection."""
    base = {"ingress": time_ns, "session": session.name, "flags": 0}
    connection = session.connection or session.last_connection
    if not connection:
        return
    at = base | {"connection": connection + SHIFT}
    logon = {"kind": "Logon", "heartbeat_s": session.heartbeat_s}
    if session.next_in == 1:  # it was told to send again from 1, and has not yet
        yield at | logon | {"in_seq": 2, "reset": 0}
    else:
        yield at | logon | {"in_seq": 1, "reset": 1}
        if session.next_in > 2:
            yield at | {"kind": "SequenceReset", "in_seq": 2, "gap_fill": 0, "new_seq": session.next_in}
    if not session.connection:
        yield at | {"kind": "Disconnected", "in_seq": 0}
    elif session.last_connection > session.connection:  # a later logon failed because of its number
        yield base | logon | {"connection": session.last_connection + SHIFT, "in_seq": 1, "reset": 0}
