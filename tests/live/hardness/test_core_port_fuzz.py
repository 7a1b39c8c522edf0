"""Changed frames on the port that gateways connect to: each link gets its refusal, the cell goes on, all agree."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from contextlib import suppress

import pytest
from dingli_minicore.codec import Command, Kind, encode_command, pack_str

from drills.checker.check import replay
from tests.conftest import Fuzz
from tests.live.gateway.cell import CELL
from tests.live.hardness.core_port import Honest, Leading
from tests.live.minicore.rig import Gateway

FRAMES = 3_000
A_LINK = 60
HELLO, SUBMIT, FETCH, PING = 1, 2, 3, 4


class FrameFuzzer:
    """Frames as a gateway would send them, and what becomes of them. Commands that still decode are executed."""

    def __init__(self, source: random.Random) -> None:
        self._pick = source
        self._made = 0

    def hello(self) -> bytes:
        listed = pack_str("M1") + struct.pack(">QQ", 7, 0)
        return b"\x01" + pack_str("fuzzer") + struct.pack(">H", 1) + listed

    def command(self) -> bytes:
        pick, self._made = self._pick, self._made + 1
        name, number = f"o{self._made}", pick.choice([0, 1, 5, 2**63 - 1, 2**63, 2**64 - 1, self._made])
        side, price = pick.choice("123"), pick.choice([0, 100, 1000, 10**9, 2**64 - 1])
        bodies: list[tuple[Kind, tuple[object, ...]]] = [
            (Kind.LOGON, (30, pick.choice([0, 1]))), (Kind.LOGOUT, ("bye",)), (Kind.HEARTBEAT, ()),
            (Kind.TEST_REQUEST, (name,)), (Kind.RESEND_REQUEST, (number, pick.choice([0, number]))),
            (Kind.SEQUENCE_RESET, (pick.choice([0, 1]), number)), (Kind.REJECT, ()),
            (Kind.NEW_ORDER, (name, "", "WIDGET", side, pick.choice("123"), pick.choice("0134"), price, number)),
            (Kind.CANCEL, (f"c{name}", f"o{pick.randrange(1, self._made + 1)}", "WIDGET", side)),
            (Kind.MASS_STATUS, (name,)), (Kind.INVALID, ("D", 0, 1, "text")),
            (Kind.UNSUPPORTED, ("B", name, 3, "text")), (Kind.HEARTBEAT_DUE, ()), (Kind.TEST_REQUEST_DUE, (name,)),
            (Kind.LOGOUT_DUE, ("out",)), (Kind.DISCONNECTED, ()),
        ]  # fmt: skip
        kind, body = pick.choice(bodies)
        session, connection = pick.choice(["M1", "M2", "NEW"]), pick.choice([0, 7, 8, self._made, 2**64 - 1])
        in_seq, flags = pick.choice([0, 1, 2, 3, number]), pick.choice([0, 1, 2, 3])
        return encode_command(Command(kind, time.time_ns(), session, connection, in_seq, flags, body))

    def frame(self) -> bytes:
        """A frame; one in five is changed, which ends its link."""
        pick = self._pick
        type_, body = pick.choice(
            [
                (SUBMIT, self.command()), (SUBMIT, self.command()), (SUBMIT, self.command()),
                (FETCH, struct.pack(">I", pick.choice([1, 2**32 - 1])) + pack_str(pick.choice(["M1", "NOBODY"]))
                 + struct.pack(">QQ", pick.choice([0, 1, 2**64 - 1]), pick.choice([0, 9, 2**64 - 1]))),
                (PING, pick.randbytes(8)),
            ]
        )  # fmt: skip
        if pick.random() < 0.97:
            return struct.pack(">IB", len(body) + 1, type_) + body
        return self._changed(type_, bytearray(body))

    def _changed(self, type_: int, body: bytearray) -> bytes:
        pick = self._pick
        for _ in range(pick.choice([1, 1, 3])):
            at = pick.randrange(len(body) + 1)
            body[at : at + pick.choice([0, 1, 1, 4])] = pick.randbytes(pick.choice([0, 1, 1, 300]))
        type_ = pick.choice([type_] * 6 + [HELLO, 0, 0x81, 255])
        length = pick.choice([len(body) + 1] * 8 + [0, 2**32 - 1, 16 * 1024 * 1024 + 1, 15 * 1024 * 1024])
        return struct.pack(">IB", length, type_) + bytes(body)

    def link(self, gateway: Gateway, frames: int) -> int:
        """One link from Hello to its end; how many frames were sent on it."""
        pick, sent = self._pick, 0
        if pick.random() < 0.1:
            gateway.sock.sendall(pick.choice([self.frame(), pick.randbytes(40), b"\0\0\0\0", b""]))
            return 1
        gateway.send(HELLO, self.hello())
        while gateway.frame()[0] not in (0, 0x81):
            pass
        gateway.sock.settimeout(5)
        while sent < frames:
            batch = [self.frame() for _ in range(10)]
            sent += len(batch)
            gateway.sock.sendall(b"".join(batch))
            gateway.send(PING, b"12345678")
            if not self._goes_on(gateway):
                break
        return sent

    @staticmethod
    def _goes_on(gateway: Gateway) -> bool:
        """Whether the link answers; a frame that announced more than came swallows all that follows."""
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:
            found = gateway.frame()[0]
            if found in (0, 0x86):
                return found == 0x86
        return False


def test_changed_frames_end_their_links_and_nothing_else(
    leading: Leading, fuzz: Fuzz, capsys: pytest.CaptureFixture[str]
) -> None:
    child, epoch = leading.child(), leading.cell.get("leader")
    honest, links, sent, orders = Honest(leading.connect()), 0, 0, 0
    fuzzer, frames = FrameFuzzer(fuzz.random(0)), len(fuzz.cases(FRAMES))
    before_kb, began = leading.memory_kb(), time.monotonic()
    with fuzz.naming(f"the only one, {frames} frames"):
        while sent < frames:
            links += 1
            gateway = leading.connect()
            with suppress(ConnectionError, TimeoutError, ssl.SSLError, socket.timeout):
                sent += fuzzer.link(gateway, A_LINK)
            gateway.sock.close()
            sent += 1
            if links % 10 == 0:
                honest.order()
                orders += 1
        honest.order()
        with capsys.disabled():
            print(
                f"\n{sent} frames over {links} links in {time.monotonic() - began:.0f} s, {orders} orders of another"
                f" gateway meanwhile; the core grew by {(leading.memory_kb() - before_kb) // 1024} MB"
            )
        assert leading.child() == child, f"the core was started again: see {leading.log}"
        assert leading.cell.get("leader") == epoch
        assert not leading.cell.get(f"quarantine/{leading.cell.leader().replace('/', ':')}")
        assert "Traceback" not in leading.log.read_text()
        entries = leading.cell.entries()
        assert replay(CELL, entries, len(entries)).disagreements == []
