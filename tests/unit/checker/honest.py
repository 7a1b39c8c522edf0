"""An honest world for the checker: a journal, and the record that honest clients of it would have written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drills.checker import fix
from drills.checker.stream import Journal, configure, of_core, of_session, order
from drills.checker.wire import Record

CONNECTION = 1_790_000_000_000_000_001
Line = dict[str, Any]


def trading_day() -> Journal:
    """Two members: orders that trade, one that is cancelled, one that rests."""
    journal = Journal()
    journal.append([of_core("EpochStart", core="primary-1/main"), configure()])
    journal.append([of_session("Logon", name, CONNECTION, 1, heartbeat_s=5, reset=0) for name in ("M001", "M002")])
    journal.append([new("M001", 2, "a1", "2", 10, 68_000_000)])
    journal.append([new("M002", 2, "b1", "1", 4, 68_000_000)])
    journal.append([new("M002", 3, "b2", "1", 3, 67_000_000)])
    journal.append([new("M001", 3, "a2", "2", 5, 69_000_000)])
    cancel = of_session(
        "OrderCancelRequest", "M001", CONNECTION, 4, cl_ord_id="x1", orig_cl_ord_id="a2", symbol="CU2612", side="2"
    )
    journal.append([cancel])
    journal.append([new("M002", 4, "b3", "1", 6, 68_000_000)])
    return journal


def new(session: str, in_seq: int, *fields: Any) -> Record:
    """A NewOrderSingle of a session."""
    return of_session("NewOrderSingle", session, CONNECTION, in_seq, **order(*fields))


def message(tags: dict[str, str]) -> str:
    """A whole FIX message with these tags, in this order, 35 first."""
    body = "".join(f"{tag}={value}\x01" for tag, value in tags.items())
    raw = f"8=FIX.4.4\x019={len(body)}\x01{body}"
    return f"{raw}10={sum(raw.encode()) % 256:03d}\x01"


def lines(journal: Journal) -> list[Line]:
    """What clients wrote: each command sent 1 ms before its entry's time, each message received 1 ms after it."""
    written: list[Line] = [{"e": "connect", "t": 0, "s": name} for name in ("M001", "M002")]
    for one in journal.executed:
        if "in_seq" in one.command:
            written.append(
                {"e": "send", "t": one.time_ns - 100_000, "s": one.command["session"], "raw": sent(one.command)}
            )
        for event in one.events:
            if event["out_seq"]:
                tags = fix.rendered(event, one.time_ns, "alpha")
                written.append(
                    {
                        "e": "recv",
                        "t": one.time_ns + 100_000,
                        "s": event["session"],
                        "raw": message({"35": tags.pop("35"), **tags}),
                    }
                )
    written.sort(key=lambda line: line["t"])
    return written + [{"e": "resolved", "t": 2**62, "s": name} for name in ("M001", "M002")]


def sent(command: Record) -> str:
    """The message that became this command."""
    head = {"49": command["session"], "56": "alpha", "34": str(command["in_seq"])}
    if command["kind"] == "NewOrderSingle":
        tags = {"35": "D", **head, "11": command["cl_ord_id"], "55": command["symbol"], "54": command["side"]}
        tags |= {"38": str(command["quantity"]), "40": command["ord_type"]}
        return message(tags | ({"44": fix.price(command["price"])} if command["price"] else {}))
    if command["kind"] == "OrderCancelRequest":
        tags = {"35": "F", **head, "11": command["cl_ord_id"], "41": command["orig_cl_ord_id"]}
        return message(tags | {"55": command["symbol"], "54": command["side"]})
    return message({"35": "A", **head})


def write(path: Path, written: Iterable[Line], *, footer: bool = True) -> Path:
    """A record file."""
    kept = list(written)
    counts = {kind: sum(line["e"] == kind for line in kept) for kind in ("send", "recv")}
    if footer:
        kept.append(
            {"e": "footer", "t": 2**62, "sends": counts["send"], "recvs": counts["recv"], "sessions": ["M001", "M002"]}
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    return path
