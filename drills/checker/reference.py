"""The naive reference: executes a cell's journal the slow and obvious way (docs/protocol.md, sections 5 to 7).

It is the third implementation beside the main and the minimal core and shares no code with them. A book is no more
than a list of the
open orders by age, sorted anew for every fill; that is its virtue.
"""

from __future__ import annotations

from typing import Any

from drills.checker.state import (
    DUPLICATE,
    EXECUTED,
    GAP,
    MAX_SEQUENCE,
    NO_REASON,
    REFUSED,
    STALE_CONNECTION,
    TOO_LOW,
    UNNUMBERED,
    Executed,
    Order,
    Session,
)
from drills.checker.wire import (
    Entry,
    Record,
    decode_command,
    encode_event,
    encode_result,
    initial_hash,
    next_hash,
)


class Reference:
    """State of one cell, changed by `apply`."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.head = 0
        self.hash = initial_hash(cell)
        self.revision = 0
        self.max_age_ms = 0
        self.instruments: dict[str, Record] = {}
        self.sessions: dict[str, Session] = {}
        self.orders: dict[tuple[str, str], Order] = {}
        self.open: list[Order] = []  # by acceptance; those of one price and side are therefore by time
        self.cancel_ids: set[tuple[str, str]] = set()

    def apply(self, data: bytes) -> list[Executed]:
        """Executes one entry; raises WireError or ValueError for one that cannot be the next."""
        entry = Entry.decode(data)
        if entry.n != self.head + 1:
            raise ValueError(f"entry {entry.n} found, expected {self.head + 1}")
        self.entry, self.reports, results = entry, 0, b""
        done: list[Executed] = []
        for index, body in enumerate(entry.commands, start=1):
            self.index = index
            self.events: list[Record] = []
            command = decode_command(body)
            status = self._execute(command)
            session = self.sessions.get(command.get("session", ""))
            numbers = (session.next_in, session.next_out) if session else (0, 0)
            results += encode_result(status, *numbers, [encode_event(event) for event in self.events])
            done.append(
                Executed(entry.n, index, entry.time_ns, entry.epoch, command, status, *numbers, tuple(self.events))
            )
        self.head, self.hash = entry.n, next_hash(self.hash, data, results)
        return done

    # Events

    def _emit(self, session: Session, kind: str, connection: int | None = None, **fields: Any) -> None:
        numbered = kind not in UNNUMBERED
        event: Record = {
            "type": kind,
            "session": session.name,
            "connection": session.connection if connection is None else connection,
            "out_seq": session.next_out if numbered else 0,
            **fields,
        }
        if numbered:
            session.next_out += 1
            session.stored.append((self.entry.n, self.entry.time_ns, event))
        self.events.append(event)

    def _report(self, order: Order, exec_type: str, **differing: Any) -> None:
        self.reports += 1
        entry = self.entry
        report: Record = {
            "order_id": order.order_id,
            "exec_id": f"{entry.generation}.{entry.epoch}.{entry.n}.{self.reports}",
            "cl_ord_id": order.cl_ord_id,
            "orig_cl_ord_id": "",
            "exec_type": exec_type,
            "ord_status": order.status,
            "reject_reason": NO_REASON,
            "symbol": order.symbol,
            "side": order.side,
            "ord_type": order.ord_type,
            "tif": order.tif,
            "price": order.price,
            "order_qty": order.quantity,
            "last_qty": 0,
            "last_px": 0,
            "leaves_qty": order.leaves,
            "cum_qty": order.cum,
            "avg_px": order.avg_px,
            "match_id": "",
            "account": order.account,
            "mass_id": "",
            "mass_total": 0,
            "mass_last": 0,
            "text": "",
        }
        self._emit(self.sessions[order.session], "ExecutionReport", **{**report, **differing})

    # Commands of the core

    def _execute(self, command: Record) -> int:
        kind = command["kind"]
        if kind in ("EpochStart", "Tick"):
            return EXECUTED
        if kind == "Configure":
            if command["revision"] <= self.revision:
                return DUPLICATE
            self.revision, self.max_age_ms = command["revision"], command["max_age_ms"]
            self.instruments = {one["symbol"]: one for one in command["instruments"]}
            return EXECUTED
        if kind == "Logon":
            return self._logon(command)
        return self._in_session(command)

    # Sessions

    def _logon(self, command: Record) -> int:
        connection, in_seq, reset = command["connection"], command["in_seq"], command["reset"]
        if connection == 0 or in_seq == 0 or (reset and in_seq != 1):
            return REFUSED
        session = self.sessions.setdefault(command["session"], Session(command["session"]))
        if connection <= session.last_connection:
            return DUPLICATE if connection == session.last_connection else STALE_CONNECTION
        session.last_connection = connection
        if not reset and in_seq < session.next_in:
            text = f"MsgSeqNum too low, expecting {session.next_in} but received {in_seq}"
            self._emit(session, "Logout", connection=connection, text=text)
            return TOO_LOW
        if session.connection:
            self._emit(session, "Disconnect", text="replaced by a newer logon")
        session.connection, session.heartbeat_s, session.gap_to = connection, command["heartbeat_s"], 0
        if reset:
            session.next_in, session.next_out, session.stored = 1, 1, []
        self._emit(session, "Logon", heartbeat_s=command["heartbeat_s"], reset=reset)
        if in_seq == session.next_in:
            session.next_in += 1
            return EXECUTED
        self._emit(session, "ResendRequest", begin=session.next_in, end=0)
        session.gap_to = in_seq
        return GAP

    def _in_session(self, command: Record) -> int:
        session = self.sessions.get(command["session"])
        if session is None or session.connection == 0 or session.connection != command["connection"]:
            return STALE_CONNECTION
        kind, in_seq = command["kind"], command["in_seq"]
        if kind in ("HeartbeatDue", "TestRequestDue", "LogoutDue", "Disconnected"):
            self._from_gateway(session, command)
            return EXECUTED
        if kind == "SequenceReset" and not command["gap_fill"]:
            return self._reset(session, command)
        if in_seq < session.next_in:
            return DUPLICATE
        if in_seq > session.next_in:
            if kind == "ResendRequest":
                self._resend(session, command, reject=False)
            if session.gap_to == 0:
                self._emit(session, "ResendRequest", begin=session.next_in, end=0)
            session.gap_to = max(session.gap_to, in_seq)
            return GAP
        self._advance(session, in_seq + 1)
        self._in_order(session, command)
        return EXECUTED

    @staticmethod
    def _advance(session: Session, next_in: int) -> None:
        session.next_in = next_in
        if session.gap_to and next_in > session.gap_to:
            session.gap_to = 0

    def _from_gateway(self, session: Session, command: Record) -> None:
        kind = command["kind"]
        if kind == "HeartbeatDue":
            self._emit(session, "Heartbeat", id="")
        elif kind == "TestRequestDue":
            self._emit(session, "TestRequest", id=command["id"])
        elif kind == "LogoutDue":
            self._emit(session, "Logout", text=command["text"])
            session.connection = 0
        else:
            session.connection = 0

    def _bad_new_seq(self, session: Session, command: Record) -> None:
        text = "NewSeqNo out of range"
        self._emit(session, "Reject", ref_seq=command["in_seq"], ref_msg_type="4", ref_tag=36, reason=5, text=text)

    def _reset(self, session: Session, command: Record) -> int:
        if command["new_seq"] == session.next_in:
            return DUPLICATE
        if session.next_in < command["new_seq"] <= MAX_SEQUENCE:
            self._advance(session, command["new_seq"])
        else:
            self._bad_new_seq(session, command)
        return EXECUTED

    def _resend(self, session: Session, command: Record, *, reject: bool) -> None:
        begin, end = command["begin"], command["end"]
        if begin == 0 or (end != 0 and end < begin):
            if reject:
                text = "BeginSeqNo out of range"
                self._emit(
                    session, "Reject", ref_seq=command["in_seq"], ref_msg_type="2", ref_tag=7, reason=5, text=text
                )
            return
        last = session.next_out - 1 if end == 0 or end >= session.next_out else end
        if begin <= last:
            self._emit(session, "Resend", begin=begin, end=last)

    def _in_order(self, session: Session, command: Record) -> None:
        kind, in_seq = command["kind"], command["in_seq"]
        if kind == "Logout":
            self._emit(session, "Logout", text="")
            session.connection = 0
        elif kind == "TestRequest":
            self._emit(session, "Heartbeat", id=command["id"])
        elif kind == "ResendRequest":
            self._resend(session, command, reject=True)
        elif kind == "SequenceReset":
            if in_seq < command["new_seq"] <= MAX_SEQUENCE:
                self._advance(session, command["new_seq"])
            else:
                self._bad_new_seq(session, command)
        elif kind == "Invalid":
            same = {name: command[name] for name in ("ref_msg_type", "ref_tag", "reason", "text")}
            self._emit(session, "Reject", ref_seq=in_seq, **same)
        elif kind == "Unsupported":
            same = {name: command[name] for name in ("ref_msg_type", "ref_id", "reason", "text")}
            self._emit(session, "BusinessMessageReject", ref_seq=in_seq, **same)
        elif kind == "NewOrderSingle":
            self._new_order(command)
        elif kind == "OrderCancelRequest":
            self._cancel(session, command)
        elif kind == "OrderMassStatusRequest":
            self._mass_status(session, command)

    # Orders

    def _is_stale(self, command: Record) -> bool:
        return bool(self.entry.time_ns - command["ingress"] > self.max_age_ms * 1_000_000)

    def _new_order(self, command: Record) -> None:
        session, cl_ord_id = command["session"], command["cl_ord_id"]
        details = {name: command[name] for name in ("account", "symbol", "side", "ord_type", "tif", "quantity")}
        order = Order(
            session,
            f"{self.entry.generation}.{self.entry.n}.{self.index}",
            cl_ord_id,
            **details,
            price=command["price"],
        )
        known = self.orders.get((session, cl_ord_id))
        if known is not None and command["flags"] & 2:
            self._report(known, "I")
            return
        if known is not None or (session, cl_ord_id) in self.cancel_ids:
            self._report(order, "8", order_id="NONE", reject_reason=6, text="duplicate ClOrdID")
            return
        if order.ord_type == "1":
            order.price = 0
        self.orders[session, cl_ord_id] = order
        if (refusal := self._refusal(command)) is not None:
            self._report(order, "8", reject_reason=refusal[0], text=refusal[1])
            return
        order.status, order.leaves = "0", order.quantity
        self.open.append(order)
        self._report(order, "0")
        self._match(order)
        if order.leaves and (order.ord_type == "1" or order.tif == "3"):
            self._close(order, "4")
            self._report(order, "4", text="remainder cancelled")

    def _refusal(self, command: Record) -> tuple[int, str] | None:
        instrument = self.instruments.get(command["symbol"])
        if self._is_stale(command):
            return 99, "stale"
        if instrument is None:
            return 1, "unknown symbol"
        if command["side"] not in "12":
            return 11, "unsupported side"
        if command["ord_type"] not in "12":
            return 11, "unsupported order type"
        if command["tif"] not in "03":
            return 11, "unsupported time in force"
        if not 1 <= command["quantity"] <= instrument["max_quantity"]:
            return 13, "quantity out of range"
        if command["ord_type"] == "2":
            if not instrument["min_price"] <= command["price"] <= instrument["max_price"]:
                return 99, "price out of range"
            if command["price"] % instrument["tick"]:
                return 99, "price not on tick"
        return None

    def _match(self, order: Order) -> None:
        fills = 0
        while order.leaves:
            resting = [
                one for one in self.open if one is not order and one.symbol == order.symbol and one.side != order.side
            ]
            if order.side == "1":
                resting.sort(key=lambda one: one.price)  # stable: the oldest of a price stays first
                acceptable = resting and (order.ord_type == "1" or resting[0].price <= order.price)
            else:
                resting.sort(key=lambda one: -one.price)
                acceptable = resting and (order.ord_type == "1" or resting[0].price >= order.price)
            if not acceptable:
                return
            fills += 1
            match_id = f"{self.entry.generation}.{self.entry.n}.{self.index}.{fills}"
            self._fill(order, resting[0], match_id)

    def _fill(self, incoming: Order, resting: Order, match_id: str) -> None:
        quantity, price = min(incoming.leaves, resting.leaves), resting.price
        for order in (incoming, resting):
            order.leaves -= quantity
            order.cum += quantity
            order.value += quantity * price
            order.status = "1"
            if not order.leaves:
                self._close(order, "2")
            self._report(order, "F", last_qty=quantity, last_px=price, match_id=match_id)

    def _close(self, order: Order, status: str) -> None:
        order.status, order.leaves = status, 0
        self.open.remove(order)

    def _cancel(self, session: Session, command: Record) -> None:
        cl_ord_id, orig = command["cl_ord_id"], command["orig_cl_ord_id"]

        def refuse(order_id: str, status: str, reason: int, text: str) -> None:
            self._emit(
                session,
                "OrderCancelReject",
                order_id=order_id,
                cl_ord_id=cl_ord_id,
                orig_cl_ord_id=orig,
                ord_status=status,
                reason=reason,
                text=text,
            )

        if (session.name, cl_ord_id) in self.orders or (session.name, cl_ord_id) in self.cancel_ids:
            refuse("NONE", "8", 6, "duplicate ClOrdID")
            return
        self.cancel_ids.add((session.name, cl_ord_id))
        order = self.orders.get((session.name, orig))
        if self._is_stale(command):
            refuse("NONE", "8", 99, "stale")
        elif order is None:
            refuse("NONE", "8", 1, "unknown order")
        elif (order.symbol, order.side) != (command["symbol"], command["side"]):
            refuse(order.order_id, order.status, 99, "symbol or side differs")
        elif not order.is_open:
            refuse(order.order_id, order.status, 0, "order not open")
        else:
            self._close(order, "4")
            self._report(order, "4", cl_ord_id=cl_ord_id, orig_cl_ord_id=order.cl_ord_id)

    def _mass_status(self, session: Session, command: Record) -> None:
        alive = [order for order in self.open if order.session == session.name]
        for place, order in enumerate(alive, start=1):
            last = int(place == len(alive))
            self._report(order, "I", mass_id=command["id"], mass_total=len(alive), mass_last=last)
        if not alive:
            nothing = Order(session.name, "NONE", "", "", "[N/A]", "7", "0", "0", 0, 0)
            self._report(nothing, "I", mass_id=command["id"], mass_total=0, mass_last=1, text="no open orders")
