"""The bytes of the journal, read and written from tables (docs/protocol.md, sections 1, 3, 4 and 5.1).

This codec favours being obviously right over being fast: every record is a dictionary, every layout one line of a
table.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

Record = dict[str, Any]
Layout = tuple[tuple[str, str], ...]

MAX_ENTRY_BYTES: Final = 262_144
SESSION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")


class WireError(ValueError):
    """Bytes that the protocol does not allow; the message says what was found, where, and what was expected."""


def _layout(text: str) -> Layout:
    """`name:type name:type …` as pairs."""
    return tuple((field.split(":")[0], field.split(":")[1]) for field in text.split())


# Types: u8 u16 u32 u64, char, sN (a string of at most N bytes), session.
SESSION_FIELDS: Final = _layout("session:session connection:u64 in_seq:u64 flags:u8")
INSTRUMENT: Final = _layout("symbol:s16 tick:u64 max_quantity:u64 min_price:u64 max_price:u64")
COMMANDS: Final[dict[int, tuple[str, Layout]]] = {
    0x01: ("EpochStart", _layout("core:s64")),
    0x02: ("Tick", ()),
    0x03: ("Configure", _layout("revision:u32 max_age_ms:u32 instruments:instruments")),
    0x10: ("Logon", SESSION_FIELDS + _layout("heartbeat_s:u16 reset:u8")),
    0x11: ("Logout", SESSION_FIELDS + _layout("text:s96")),
    0x12: ("Heartbeat", SESSION_FIELDS),
    0x13: ("TestRequest", SESSION_FIELDS + _layout("id:s32")),
    0x14: ("ResendRequest", SESSION_FIELDS + _layout("begin:u64 end:u64")),
    0x15: ("SequenceReset", SESSION_FIELDS + _layout("gap_fill:u8 new_seq:u64")),
    0x16: ("Reject", SESSION_FIELDS),
    0x17: (
        "NewOrderSingle",
        SESSION_FIELDS
        + _layout("cl_ord_id:s32 account:s16 symbol:s16 side:char ord_type:char tif:char price:u64 quantity:u64"),
    ),
    0x18: ("OrderCancelRequest", SESSION_FIELDS + _layout("cl_ord_id:s32 orig_cl_ord_id:s32 symbol:s16 side:char")),
    0x19: ("OrderMassStatusRequest", SESSION_FIELDS + _layout("id:s32")),
    0x1A: ("Invalid", SESSION_FIELDS + _layout("ref_msg_type:s4 ref_tag:u32 reason:u16 text:s96")),
    0x1B: ("Unsupported", SESSION_FIELDS + _layout("ref_msg_type:s4 ref_id:s32 reason:u16 text:s96")),
    0x20: ("HeartbeatDue", SESSION_FIELDS),
    0x21: ("TestRequestDue", SESSION_FIELDS + _layout("id:s32")),
    0x22: ("LogoutDue", SESSION_FIELDS + _layout("text:s96")),
    0x23: ("Disconnected", SESSION_FIELDS),
}
EVENTS: Final[dict[int, tuple[str, Layout]]] = {
    0x81: ("Logon", _layout("heartbeat_s:u16 reset:u8")),
    0x82: ("Logout", _layout("text:s96")),
    0x83: ("Heartbeat", _layout("id:s32")),
    0x84: ("TestRequest", _layout("id:s32")),
    0x85: ("ResendRequest", _layout("begin:u64 end:u64")),
    0x87: ("Reject", _layout("ref_seq:u64 ref_msg_type:s4 ref_tag:u32 reason:u16 text:s96")),
    0x88: ("BusinessMessageReject", _layout("ref_seq:u64 ref_msg_type:s4 ref_id:s32 reason:u16 text:s96")),
    0x90: (
        "ExecutionReport",
        _layout(
            "order_id:s96 exec_id:s96 cl_ord_id:s32 orig_cl_ord_id:s32 exec_type:char ord_status:char "
            "reject_reason:u16 symbol:s16 side:char ord_type:char tif:char price:u64 order_qty:u64 last_qty:u64 "
            "last_px:u64 leaves_qty:u64 cum_qty:u64 avg_px:u64 match_id:s96 account:s16 mass_id:s32 mass_total:u32 "
            "mass_last:u8 text:s96"
        ),
    ),
    0x91: (
        "OrderCancelReject",
        _layout("order_id:s96 cl_ord_id:s32 orig_cl_ord_id:s32 ord_status:char reason:u16 text:s96"),
    ),
    0xA0: ("Resend", _layout("begin:u64 end:u64")),
    0xA1: ("Disconnect", _layout("text:s96")),
}
EVENT_HEADER: Final = _layout("session:session connection:u64 out_seq:u64")
COMMAND_KINDS: Final = {name: kind for kind, (name, _) in COMMANDS.items()}
EVENT_TYPES: Final = {name: kind for kind, (name, _) in EVENTS.items()}
_WIDTHS: Final = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
_ONE_OF: Final = {"reset": (0, 1), "gap_fill": (0, 1), "mass_last": (0, 1), "flags": (0, 1, 2, 3)}


def _encode(layout: Layout, record: Record) -> bytes:
    return b"".join(_encode_field(name, kind, record[name]) for name, kind in layout)


def _encode_field(name: str, kind: str, value: Any) -> bytes:
    if kind in _WIDTHS:
        return int(value).to_bytes(_WIDTHS[kind], "big")
    if kind == "char":
        return str(value).encode("latin-1")
    if kind == "instruments":
        return len(value).to_bytes(2, "big") + b"".join(_encode(INSTRUMENT, one) for one in value)
    raw = str(value).encode("ascii")
    return len(raw).to_bytes(1, "big") + raw


class Reader:
    """Takes fields off the front of some bytes."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.what, self.at = data, what, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise WireError(f"{self.what}: {count} bytes expected at offset {self.at}, {len(self.data) - self.at} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def unsigned(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def end(self) -> None:
        if self.at != len(self.data):
            raise WireError(f"{self.what}: {len(self.data) - self.at} bytes left over after offset {self.at}")

    def fields(self, layout: Layout) -> Record:
        return {name: self.field(name, kind) for name, kind in layout}

    def field(self, name: str, kind: str) -> Any:
        if kind in _WIDTHS:
            value = self.unsigned(_WIDTHS[kind])
            if name in _ONE_OF and value not in _ONE_OF[name]:
                raise WireError(f"{self.what}: {name} is {value}, expected one of {_ONE_OF[name]}")
            return value
        if kind == "char":
            if not 0x20 <= (byte := self.unsigned(1)) <= 0x7E:
                raise WireError(f"{self.what}: {name} is byte 0x{byte:02x}, expected 0x20-0x7E")
            return chr(byte)
        if kind == "instruments":
            return [self.fields(INSTRUMENT) for _ in range(self.unsigned(2))]
        return self.text(name, kind)

    def text(self, name: str, kind: str) -> str:
        raw = self.take(self.unsigned(1))
        if any(not 0x20 <= byte <= 0x7E for byte in raw):
            raise WireError(f"{self.what}: {name} holds a byte outside 0x20-0x7E: {raw!r}")
        text = raw.decode("ascii")
        if kind == "session":
            if not SESSION_NAME.fullmatch(text):
                raise WireError(f"{self.what}: {name} is {text!r}, expected 1-16 of A-Z a-z 0-9 _ -")
        elif len(raw) > int(kind[1:]):
            raise WireError(f"{self.what}: {name} has {len(raw)} bytes, at most {kind[1:]} expected")
        return text


def encode_command(command: Record) -> bytes:
    """A command as bytes; `kind` is its name."""
    kind = COMMAND_KINDS[command["kind"]]
    head = bytes([kind]) + int(command["ingress"]).to_bytes(8, "big")
    return head + _encode(COMMANDS[kind][1], command)


def decode_command(data: bytes) -> Record:
    """The command in `data`; raises WireError."""
    reader = Reader(data, "command")
    kind = reader.unsigned(1)
    if kind not in COMMANDS:
        raise WireError(f"command: unknown kind 0x{kind:02x}")
    name, layout = COMMANDS[kind]
    command = {"kind": name, "ingress": reader.unsigned(8), **reader.fields(layout)}
    reader.end()
    return command


def encode_event(event: Record) -> bytes:
    """An event as bytes; `type` is its name."""
    kind = EVENT_TYPES[event["type"]]
    return bytes([kind]) + _encode(EVENT_HEADER, event) + _encode(EVENTS[kind][1], event)


@dataclass(frozen=True)
class Entry:
    """One entry of the journal, with the commands still as bytes."""

    generation: int
    epoch: int
    n: int
    batch_id: bytes
    time_ns: int
    previous_hash: bytes
    commands: tuple[bytes, ...]

    def encode(self) -> bytes:
        head = b"DJ\x01\x00" + self.generation.to_bytes(4, "big") + self.epoch.to_bytes(8, "big")
        head += self.n.to_bytes(8, "big") + self.batch_id + self.time_ns.to_bytes(8, "big") + self.previous_hash
        bodies = b"".join(len(body).to_bytes(2, "big") + body for body in self.commands)
        return head + len(self.commands).to_bytes(4, "big") + bodies

    @staticmethod
    def decode(data: bytes) -> Entry:
        if len(data) > MAX_ENTRY_BYTES:
            raise WireError(f"entry: {len(data)} bytes, at most {MAX_ENTRY_BYTES} expected")
        reader = Reader(data, "entry")
        if (magic := reader.take(4)) != b"DJ\x01\x00":
            raise WireError(f"entry: starts with {magic.hex()}, expected 444a0100")
        generation, epoch, n = reader.unsigned(4), reader.unsigned(8), reader.unsigned(8)
        batch_id, time_ns, previous = reader.take(16), reader.unsigned(8), reader.take(32)
        count = reader.unsigned(4)
        if count < 1:
            raise WireError("entry: no commands, at least one expected")
        commands = tuple(reader.take(reader.unsigned(2)) for _ in range(count))
        reader.end()
        return Entry(generation, epoch, n, batch_id, time_ns, previous, commands)


def encode_result(status: int, next_in: int, next_out: int, events: list[bytes]) -> bytes:
    """One command's result."""
    head = bytes([status]) + next_in.to_bytes(8, "big") + next_out.to_bytes(8, "big") + len(events).to_bytes(4, "big")
    return head + b"".join(len(event).to_bytes(2, "big") + event for event in events)


def initial_hash(cell: str) -> bytes:
    """H(0) of a cell."""
    return hashlib.sha256(b"dingli-journal-1:" + cell.encode("ascii")).digest()


def next_hash(previous: bytes, entry: bytes, results: bytes) -> bytes:
    """H(n) from H(n-1)."""
    return hashlib.sha256(previous + entry + results).digest()
