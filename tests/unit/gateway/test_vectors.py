"""The gateway reads and writes the very bytes of the protocol's test vectors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dingli_gateway import wire
from dingli_gateway.framing import Message
from dingli_gateway.inbound import Names, judge, logon_request
from dingli_gateway.outbound import MSG_TYPES, Envelope, decimal, timestamp

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "protocol" / "vectors"
ENTRY_HEAD = 84
SECOND_NS = 1_000_000_000

# Of each event's fields: the tag that carries it.
TAGS = {
    "Logon": {"heartbeat_s": 108},
    "Logout": {"text": 58},
    "Heartbeat": {"id": 112},
    "TestRequest": {"id": 112},
    "ResendRequest": {"begin": 7, "end": 16},
    "Reject": {"ref_seq": 45, "ref_msg_type": 372, "ref_tag": 371, "reason": 373, "text": 58},
    "BusinessMessageReject": {"ref_seq": 45, "ref_msg_type": 372, "ref_id": 379, "reason": 380, "text": 58},
    "ExecutionReport": {
        "order_id": 37, "exec_id": 17, "cl_ord_id": 11, "orig_cl_ord_id": 41, "exec_type": 150, "ord_status": 39,
        "symbol": 55, "side": 54, "ord_type": 40, "tif": 59, "order_qty": 38, "leaves_qty": 151, "cum_qty": 14,
        "match_id": 527, "account": 1, "mass_id": 584, "text": 58,
    },
    "OrderCancelReject": {
        "order_id": 37, "cl_ord_id": 11, "orig_cl_ord_id": 41, "ord_status": 39, "reason": 102, "text": 58,
    },
}  # fmt: skip


def entries(*files: str) -> Iterator[dict[str, Any]]:
    for file in files:
        yield from json.loads((VECTORS / f"{file}.json").read_text())["entries"]


def events() -> list[dict[str, Any]]:
    named = entries("trading", "sessions", "rejects")
    return [event for entry in named for command in entry["commands"] for event in command["events"]]


def test_every_event_becomes_a_message_that_says_the_same() -> None:
    checked = set()
    for event in events():
        head = wire.decode_event(bytes.fromhex(event["hex"]))
        assert (head.session.decode(), head.connection, head.out_seq) == (
            event["session"],
            event["connection"],
            event["out_seq"],
        )
        if head.type not in MSG_TYPES:
            continue
        checked.add(event["type"])
        message = Envelope(b"alpha", head.session).event(head, SECOND_NS, SECOND_NS)
        fields = dict(part.split("=", 1) for part in message.decode().split("\x01")[:-1])
        for name, tag in TAGS[event["type"]].items():
            # What is empty, or no tag at all, is left out; other zeros are numbers like any other.
            absent = event[name] == "" or (name == "ref_tag" and event[name] == 0)
            assert fields.get(str(tag)) == (None if absent else str(event[name])), (event, message)
        if event["type"] == "ExecutionReport":
            assert fields["6"] == decimal(event["avg_px"]).decode()
            assert fields.get("44") == (decimal(event["price"]).decode() if event["price"] else None)
            assert ("31" in fields) == (event["exec_type"] == "F")
            assert fields.get("103") == (None if event["reject_reason"] == 65535 else str(event["reject_reason"]))
    assert checked == TAGS.keys()


# How a member says each command.
SAID: dict[str, tuple[str, dict[str, str]]] = {
    "Logon": ("A", {"heartbeat_s": "108"}),
    "Heartbeat": ("0", {}),
    "TestRequest": ("1", {"id": "112"}),
    "ResendRequest": ("2", {"begin": "7", "end": "16"}),
    "Reject": ("3", {}),
    "SequenceReset": ("4", {"new_seq": "36"}),
    "Logout": ("5", {"text": "58"}),
    "OrderMassStatusRequest": ("AF", {"id": "584"}),
    "OrderCancelRequest": ("F", {"cl_ord_id": "11", "orig_cl_ord_id": "41", "symbol": "55", "side": "54"}),
    "NewOrderSingle": ("D", {
        "cl_ord_id": "11", "account": "1", "symbol": "55", "side": "54", "ord_type": "40", "tif": "59",
        "quantity": "38",
    }),
}  # fmt: skip


def said(command: dict[str, Any]) -> Message:
    """The message by which a member would cause this command."""
    msg_type, tags = SAID[command["kind"]]
    now = timestamp(command["ingress"]).decode()
    fields = {"49": command["session"], "56": "alpha", "34": str(command["in_seq"]), "52": now, "60": now}
    fields |= {tag: str(command[name]) for name, tag in tags.items() if command[name] != ""}
    fields |= {"43": "Y", "122": now} if command["flags"] & 1 else {}
    fields |= {"97": "Y"} if command["flags"] & 2 else {}
    fields |= {"44": decimal(command["price"]).decode()} if command.get("price") else {}
    fields |= {"123": "Y"} if command.get("gap_fill") else {}
    fields |= {"141": "Y"} if command.get("reset") else {}
    fields |= {"585": "7", "98": "0", "553": command["session"], "554": "secret"}
    values = {tag.encode(): value.encode() for tag, value in fields.items()}
    return Message(b"FIX.4.4", msg_type.encode(), values, None)


def submitted(command: dict[str, Any]) -> bytes:
    """The bytes that the gateway submits for it."""
    session = command["session"].encode()
    if command["kind"] == "Logon":
        request = logon_request(said(command), b"alpha", command["ingress"])
        assert not isinstance(request, str), request
        draft = request.draft
    else:
        (draft,) = judge(said(command), Names(session, b"alpha"), command["in_seq"], command["ingress"]).drafts
    return wire.command(
        draft.kind, command["ingress"], session, command["connection"], draft.in_seq, draft.flags, draft.body
    )


def raw_commands(entry: dict[str, Any]) -> Iterator[bytes]:
    raw, at = bytes.fromhex(entry["entry"]), ENTRY_HEAD
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 2])
        yield raw[at + 2 : at + 2 + length]
        at += 2 + length


@pytest.mark.parametrize("file", ["trading", "sessions"])
def test_every_message_becomes_the_command_of_the_vector(file: str) -> None:
    compared = 0
    for entry in entries(file):
        for raw, item in zip(raw_commands(entry), entry["commands"], strict=True):
            # What a core refuses (status 4), and numbers out of range, a gateway never submits.
            never = item["status"] == wire.Status.REFUSED or item["command"].get("new_seq", 0) >= 2**63
            if item["command"]["kind"] in SAID and not never:
                assert submitted(item["command"]) == raw, item
                compared += 1
    assert compared >= 15
