"""FIX 4.4 as the checker needs it: what a message says, and what the journal's event should have said
(docs/protocol.md, section 11).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from drills.checker.wire import Record

SOH: Final = "\x01"
# What may differ between the first transmission and a repeat: lengths, sums, times of sending, flags.
TRANSPORT_TAGS: Final = frozenset({"8", "9", "10", "43", "52", "97", "122"})
_MSG_TYPES: Final = {
    "Logon": "A", "Logout": "5", "Heartbeat": "0", "TestRequest": "1", "ResendRequest": "2", "Reject": "3",
    "BusinessMessageReject": "j", "ExecutionReport": "8", "OrderCancelReject": "9",
}  # fmt: skip


class FixError(ValueError):
    """A received message that is not well-formed FIX."""


def parse(raw: str) -> list[tuple[str, str]]:
    """Tag and value pairs of one whole message; raises FixError on a wrong length or checksum."""
    if not raw.startswith("8=FIX.4.4" + SOH + "9=") or not raw.endswith(SOH):
        raise FixError(f"starts with {raw[:20]!r}, expected 8=FIX.4.4 and 9=, and SOH at the end")
    pairs = [(tag, value) for tag, _, value in (field.partition("=") for field in raw[:-1].split(SOH))]
    body_at = raw.index(SOH, raw.index(SOH + "9=") + 1) + 1
    trailer_at = raw.rindex(SOH + "10=") + 1
    if int(pairs[1][1]) != trailer_at - body_at:
        raise FixError(f"body length {pairs[1][1]} found, expected {trailer_at - body_at}")
    expected = sum(raw[:trailer_at].encode("latin-1")) % 256
    if pairs[-1] != ("10", f"{expected:03d}"):
        raise FixError(f"checksum {pairs[-1][1]} found, expected {expected:03d}")
    return pairs


def price(units: int) -> str:
    """A price in 1/10,000 as FIX writes it: no trailing zeros, at least one digit before the point."""
    whole, rest = divmod(units, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")


def timestamp(time_ns: int) -> str:
    """UTCTimestamp with milliseconds."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{time_ns // 1_000_000 % 1000:03d}"


def rendered(event: Record, time_ns: int, cell: str) -> dict[str, str]:
    """The tags an event has on the wire, without those that belong to the transmission."""
    head = {"35": _MSG_TYPES[event["type"]], "49": cell, "56": event["session"], "34": str(event["out_seq"])}
    body = _BODIES[event["type"]](event, time_ns)
    return head | {tag: value for tag, value in body.items() if value != ""}


def _optional(number: int) -> str:
    return str(number) if number else ""


def _execution_report(event: Record, time_ns: int) -> dict[str, str]:
    traded = event["exec_type"] == "F"
    mass = event["mass_id"] != ""
    return {
        "37": event["order_id"], "11": event["cl_ord_id"], "41": event["orig_cl_ord_id"], "17": event["exec_id"],
        "150": event["exec_type"], "39": event["ord_status"],
        "103": "" if event["reject_reason"] == 65535 else str(event["reject_reason"]),
        "1": event["account"], "55": event["symbol"], "54": event["side"], "38": str(event["order_qty"]),
        "40": event["ord_type"], "44": price(event["price"]) if event["price"] else "", "59": event["tif"],
        "32": str(event["last_qty"]) if traded else "", "31": price(event["last_px"]) if traded else "",
        "151": str(event["leaves_qty"]), "14": str(event["cum_qty"]), "6": price(event["avg_px"]),
        "60": timestamp(time_ns), "527": event["match_id"],
        "584": event["mass_id"], "911": str(event["mass_total"]) if mass else "",
        "912": ("Y" if event["mass_last"] else "N") if mass else "", "58": event["text"],
    }  # fmt: skip


_BODIES: Final[dict[str, Callable[[Record, int], dict[str, str]]]] = {
    "Logon": lambda e, t: {"98": "0", "108": str(e["heartbeat_s"]), "141": "Y" if e["reset"] else ""},
    "Logout": lambda e, t: {"58": e["text"]},
    "Heartbeat": lambda e, t: {"112": e["id"]},
    "TestRequest": lambda e, t: {"112": e["id"]},
    "ResendRequest": lambda e, t: {"7": str(e["begin"]), "16": str(e["end"])},
    "Reject": lambda e, t: {
        "45": str(e["ref_seq"]), "371": _optional(e["ref_tag"]), "372": e["ref_msg_type"], "373": str(e["reason"]),
        "58": e["text"],
    },
    "BusinessMessageReject": lambda e, t: {
        "45": str(e["ref_seq"]), "372": e["ref_msg_type"], "379": e["ref_id"], "380": str(e["reason"]), "58": e["text"],
    },
    "ExecutionReport": _execution_report,
    "OrderCancelReject": lambda e, t: {
        "37": e["order_id"], "11": e["cl_ord_id"], "41": e["orig_cl_ord_id"], "39": e["ord_status"], "434": "1",
        "102": str(e["reason"]), "60": timestamp(t), "58": e["text"],
    },
}  # fmt: skip
