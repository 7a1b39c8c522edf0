"""What must be equal before and after: trades, per instrument volume and turnover, counts by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from drills.checker.state import Executed

__all__ = ["Totals", "Trade", "totals_of", "trades_of"]


class Trade(NamedTuple):
    """A fill: the incoming order, then the resting one, each by session and ClOrdID. Price in 1/10,000."""

    symbol: str
    price: int
    quantity: int
    incoming: tuple[str, str]
    resting: tuple[str, str]


@dataclass(frozen=True)
class Totals:
    """`volume`, `turnover` (price × quantity, in 1/10,000) and `trades` by symbol; `commands` by kind and status."""

    volume: dict[str, int]
    turnover: dict[str, int]
    trades: dict[str, int]
    commands: dict[str, int]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: dict(sorted(getattr(self, name).items())) for name in ("volume", "turnover", "trades", "commands")
        }


def trades_of(executed: Iterable[Executed]) -> list[Trade]:
    """In order. The two reports of a fill follow each other: first the incoming order's."""
    found = []
    for one in executed:
        fills = [event for event in one.events if event["type"] == "ExecutionReport" and event["exec_type"] == "F"]
        for incoming, resting in zip(fills[::2], fills[1::2], strict=True):
            ends = ((side["session"], side["cl_ord_id"]) for side in (incoming, resting))
            found.append(Trade(incoming["symbol"], incoming["last_px"], incoming["last_qty"], *ends))
    return found


def totals_of(executed: Iterable[Executed], trades: Iterable[Trade]) -> Totals:
    volume: Counter[str] = Counter()
    turnover: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for trade in trades:
        volume[trade.symbol] += trade.quantity
        turnover[trade.symbol] += trade.quantity * trade.price
        count[trade.symbol] += 1
    return Totals(
        dict(volume),
        dict(turnover),
        dict(count),
        dict(Counter(f"{one.command['kind']} {one.status}" for one in executed)),
    )
