"""Writes the test vectors of docs/protocol/vectors: `python -m drills.checker.vectors`.

The reference makes them; the main and the minimal core, written apart from it and from each other, have to agree with
every byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from drills.checker.state import Executed
from drills.checker.stream import Journal, RandomStream, configure, of_core, of_session, order
from drills.checker.wire import Record, encode_command, encode_event, encode_result

FOLDER: Final = Path(__file__).parents[2] / "docs" / "protocol" / "vectors"
CONNECTION: Final = 1_790_000_000_000_000_001


class Script:
    """A journal with shorthand for sessions that count by themselves."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.journal.append([of_core("EpochStart", core="primary-1/main")])
        self.journal.append([configure()])
        self.numbers: dict[str, int] = {}

    def say(self, kind: str, session: str = "M001", **fields: Any) -> Record:
        """The next message of a session, in order."""
        number = self.numbers.get(session, 0) + 1
        self.numbers[session] = number
        return of_session(kind, session, CONNECTION, number, **fields)

    def logon(self, *sessions: str) -> None:
        self.journal.append([self.say("Logon", name, heartbeat_s=30, reset=0) for name in sessions])

    def new(self, session: str, *args: Any, **fields: Any) -> Record:
        return self.say("NewOrderSingle", session, **order(*args, **fields))


def trading() -> Journal:
    """Accepts, partial fills over several prices, price-time priority, market and immediate orders, cancels."""
    script = Script()
    script.logon("M001", "M002", "M003")
    add = script.journal.append
    add([script.new("M001", "a1", "2", 10, 68_100_000), script.new("M002", "b1", "2", 5, 68_000_000)])
    add([script.new("M003", "c1", "2", 5, 68_000_000, account="ACC")])
    add([script.new("M001", "a2", "1", 7, 68_100_000)])
    add([script.new("M002", "b2", "1", 20, 68_100_000)])
    add([script.new("M003", "c2", "2", 100, 0, ord_type="1"), script.new("M003", "c3", "1", 3, 68_200_000, tif="3")])
    add([script.new("M001", "a3", "1", 9, 67_000_000, symbol="CU2612")])
    cancel = {"symbol": "CU2612", "side": "1"}
    add([script.say("OrderCancelRequest", "M001", cl_ord_id="x1", orig_cl_ord_id="a3", **cancel)])
    add([script.say("OrderCancelRequest", "M001", cl_ord_id="x2", orig_cl_ord_id="a3", **cancel)])
    add(
        [script.new("M001", "a4", "1", 9, 200, symbol="AU2612"), script.say("OrderMassStatusRequest", "M001", id="ms1")]
    )
    add([script.say("OrderMassStatusRequest", "M003", id="ms2")])
    return script.journal


def rejects() -> Journal:
    """Every reject of an order and of a cancel, and their precedence."""
    script = Script()
    script.logon("M001")
    bad: list[Record] = [
        {"symbol": "NONE", "side": "9"}, {"side": "5", "ord_type": "3"}, {"ord_type": "3", "tif": "1"},
        {"tif": "1", "quantity": 0},
        {"quantity": 0, "price": 0}, {"quantity": 10_001}, {"price": 0}, {"price": 999_900_001}, {"price": 100_001},
        {"ingress": 1, "symbol": "NONE"},
    ]  # fmt: skip
    for number, fields in enumerate(bad):
        script.journal.append([script.say("NewOrderSingle", **{**order(f"r{number}", "1", 1, 68_000_000), **fields})])
    script.journal.append([script.new("M001", "ok", "1", 5, 68_000_000), script.new("M001", "ok", "1", 5, 68_000_000)])
    script.journal.append(
        [script.new("M001", "ok", "1", 5, 68_000_000, flags=2), script.new("M001", "r0", "1", 5, 1, flags=2)]
    )
    cancels: list[Record] = [
        {"cl_ord_id": "ok"}, {"cl_ord_id": "k1", "ingress": 1}, {"cl_ord_id": "k2", "orig_cl_ord_id": "zz"},
        {"cl_ord_id": "k3", "side": "2"}, {"cl_ord_id": "k4", "orig_cl_ord_id": "r0", "symbol": "NONE"},
        {"cl_ord_id": "k5"}, {"cl_ord_id": "k5"}, {"cl_ord_id": "k6"},
    ]  # fmt: skip
    base = {"orig_cl_ord_id": "ok", "symbol": "CU2612", "side": "1"}
    for fields in cancels:
        script.journal.append([script.say("OrderCancelRequest", **{**base, **fields})])
    script.journal.append([script.new("M001", "k5", "1", 5, 68_000_000, flags=2)])
    return script.journal


def sessions() -> Journal:
    """Gaps, duplicates, resends, resets, replaced connections, too-low logons, timers, logout."""
    journal = Journal()
    add, at = journal.append, CONNECTION
    add([of_core("EpochStart", core="primary-1/main"), configure(), of_core("Tick"), configure()])
    add([of_session("Heartbeat", "M001", at, 1)])
    add(
        [
            of_session("Logon", "M001", 0, 1, heartbeat_s=30, reset=0),
            of_session("Logon", "M001", at, 2, heartbeat_s=30, reset=1),
        ]
    )
    add(
        [
            of_session("Logon", "M001", at, 1, heartbeat_s=30, reset=0),
            of_session("Logon", "M001", at, 1, heartbeat_s=30, reset=0),
        ]
    )
    add([of_session("TestRequest", "M001", at, 2, id="hello"), of_session("Heartbeat", "M001", at, 2)])
    add([of_session("Heartbeat", "M001", at, 5), of_session("Heartbeat", "M001", at, 6)])
    add(
        [
            of_session("ResendRequest", "M001", at, 7, begin=1, end=0),
            of_session("ResendRequest", "M001", at, 8, begin=3, end=2),
        ]
    )
    add([of_session("SequenceReset", "M001", at, 3, flags=1, gap_fill=1, new_seq=3)])
    add([of_session("SequenceReset", "M001", at, 4, flags=1, gap_fill=1, new_seq=9)])
    add(
        [
            of_session("ResendRequest", "M001", at, 9, begin=2, end=3),
            of_session("ResendRequest", "M001", at, 10, begin=0, end=0),
        ]
    )
    add(
        [
            of_session("SequenceReset", "M001", at, 1, gap_fill=0, new_seq=11),
            of_session("SequenceReset", "M001", at, 1, gap_fill=0, new_seq=3),
        ]
    )
    add([of_session("SequenceReset", "M001", at, 1, gap_fill=0, new_seq=2**63)])
    add([of_session("SequenceReset", "M001", at, 11, flags=1, gap_fill=1, new_seq=2**64 - 1)])
    add([of_session("SequenceReset", "M001", at, 1, gap_fill=0, new_seq=20)])
    invalid = {"ref_msg_type": "D", "ref_tag": 44, "reason": 6, "text": "not a number"}
    add([of_session("Invalid", "M001", at, 20, **invalid), of_session("Reject", "M001", at, 21)])
    unsupported = {"ref_msg_type": "V", "ref_id": "md1", "reason": 3, "text": "not taken here"}
    add([of_session("Unsupported", "M001", at, 22, **unsupported)])
    add([of_session("HeartbeatDue", "M001", at, 0), of_session("TestRequestDue", "M001", at, 0, id="42")])
    add(
        [
            of_session("Logon", "M001", at + 5, 5, heartbeat_s=30, reset=0),
            of_session("Logon", "M001", at + 5, 5, heartbeat_s=30, reset=0),
        ]
    )
    add([of_session("Logon", "M001", at + 6, 25, heartbeat_s=5, reset=0), of_session("Heartbeat", "M001", at, 23)])
    add([of_session("Logon", "M001", at + 3, 23, heartbeat_s=5, reset=0), of_session("Heartbeat", "M001", at + 6, 23)])
    add([of_session("LogoutDue", "M001", at + 6, 0, text="enough"), of_session("Heartbeat", "M001", at + 6, 24)])
    add(
        [
            of_session("Logon", "M001", at + 7, 1, heartbeat_s=5, reset=1),
            of_session("Logout", "M001", at + 7, 2, text="bye"),
        ]
    )
    add([of_session("Logon", "M001", at + 8, 3, heartbeat_s=5, reset=0), of_session("Disconnected", "M001", at + 8, 0)])
    add([of_session("ResendRequest", "M001", at + 8, 4, begin=1, end=0)])
    return journal


def random_stream() -> Journal:
    """Six hundred random commands."""
    stream = RandomStream(seed=20_261_121)
    for _ in stream.entries(600):
        pass
    return stream.journal


SCENARIOS: Final[tuple[Callable[[], Journal], ...]] = (trading, rejects, sessions, random_stream)


def _malformed() -> list[dict[str, str]]:
    good = encode_command(of_session("TestRequest", "M001", 1, 1, id="x") | {"ingress": 1})
    logon = encode_command(of_session("Logon", "M001", 1, 1, heartbeat_s=1, reset=0) | {"ingress": 1})
    new = encode_command(of_session("NewOrderSingle", "M001", 1, 1, **order("a", "1", 1, 1)) | {"ingress": 1})
    wrong = {
        "empty": b"", "unknown kind": b"\x77" + good[1:], "one byte short": good[:-1], "one byte too many": good +
        b"\x00",
        "string beyond the end": good[:-2] + b"\xff" + good[-1:], "control character in a string": good[:-1] + b"\x07",
        "reset is 2": logon[:-1] + b"\x02", "empty session name": good[:9] + b"\x00" + good[14:],
        "blank in a session name": good.replace(b"M001", b"M 01"),
        "reserved flag": good.replace(b"\x01\x00\x01x", b"\x01\x04\x01x"),
        "side is a control character": new.replace(b"CU26121", b"CU2612\x01"),
        "ClOrdID of 33 bytes": new.replace(b"\x01a", b"\x21" + b"a" * 33),
    }  # fmt: skip
    return [{"what": what, "hex": data.hex()} for what, data in wrong.items()]


def _described(journal: Journal, explained: bool) -> dict[str, Any]:
    by_entry: dict[int, list[Executed]] = {}
    for one in journal.executed:
        by_entry.setdefault(one.n, []).append(one)
    entries: list[dict[str, Any]] = []
    replay = Journal().reference
    for number, data in enumerate(journal.entries, start=1):
        replay.apply(data)
        done = by_entry[number]
        results = [
            encode_result(one.status, one.next_in, one.next_out, [encode_event(event) for event in one.events]) for
            one in done
        ]  # fmt: skip
        entry = {"n": number, "entry": data.hex(), "results": b"".join(results).hex(), "hash": replay.hash.hex()}
        if explained:
            entry["commands"] = [
                {
                    "command": one.command,
                    "status": one.status,
                    "next_in": one.next_in,
                    "next_out": one.next_out,
                    "events": [{**event, "hex": encode_event(event).hex()} for event in one.events],
                }
                for one in done
            ]
        entries.append(entry)
    return {"cell": replay.cell, "entries": entries}


def main() -> None:
    """Writes all vectors."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for scenario in SCENARIOS:
        described = {"what": scenario.__doc__, **_described(scenario(), scenario is not random_stream)}
        (FOLDER / f"{scenario.__name__}.json").write_text(json.dumps(described, indent=1) + "\n")
    malformed = {"what": "Commands that must not decode.", "commands": _malformed()}
    (FOLDER / "malformed.json").write_text(json.dumps(malformed, indent=1) + "\n")


if __name__ == "__main__":
    main()
