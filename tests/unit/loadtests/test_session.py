"""A member's session, against an acceptor that loses, repeats and cuts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills.checker import record
from drills.checker.record import Incomplete
from loadtests.config import Gateway
from loadtests.recorder import Recorder
from loadtests.session import FixSession, Member, State
from tests.unit.loadtests.acceptor import CELL, Acceptor

PASSWORD = "correct horse"
Start = Callable[..., FixSession]


@pytest.fixture
def acceptor() -> Iterator[Acceptor]:
    made = Acceptor("g1")
    yield made
    made.close()


@pytest.fixture
def told() -> list[dict[int, str]]:
    """Application messages that the session passed on."""
    return []


@pytest.fixture
def start(tmp_path: Path, told: list[dict[int, str]]) -> Iterator[Start]:
    """Starts a session towards gateways; it is ended at the end without waiting for anybody."""
    sessions: list[FixSession] = []

    def begin(*gateways: Gateway, reconnect_s: float = 0.01) -> FixSession:
        member = Member("M001", PASSWORD, CELL, heartbeat_s=5, reconnect_s=reconnect_s)
        session = FixSession(member, gateways, None, Recorder(tmp_path / "M001.jsonl"), told.append)
        sessions.append(session)
        session.start()
        return session

    yield begin
    for session in sessions:
        session.state = State.DOWN
        session.stop()


def up(session: FixSession, acceptor: Acceptor) -> dict[int, str]:
    """Logs the session on; its Logon."""
    logon = acceptor.log_on()
    assert session.wait_for(lambda: session.state is State.UP, 5.0)
    return logon


def order(session: FixSession, cl_ord_id: str) -> int:
    return session.send("D", [(11, cl_ord_id), (55, "CU2612")])


def report(cl_ord_id: str) -> list[tuple[int, str]]:
    return [(11, cl_ord_id), (17, f"1.7.5.{cl_ord_id[1:]}"), (150, "0")]


def test_the_first_logon_resets_and_later_ones_keep_the_numbers(acceptor: Acceptor, start: Start) -> None:
    session = start(acceptor.gateway)
    first = up(session, acceptor)
    assert (first[34], first.get(141), first[553], first[554]) == ("1", "Y", "M001", PASSWORD)
    order(session, "a1")
    assert acceptor.expect("D")[34] == "2"
    acceptor.cut()
    again = acceptor.log_on()
    assert (again[34], again.get(141)) == ("3", None)


def test_one_gap_makes_one_resend_request_and_everything_arrives_once_in_order(
    acceptor: Acceptor, start: Start, told: list[dict[int, str]]
) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)
    for seq, name in ((4, "a3"), (5, "a4")):
        acceptor.say("8", *report(name), seq=seq)
    asked = acceptor.expect("2")
    assert (asked[7], asked[16]) == ("2", "0")
    acceptor.say("4", (123, "Y"), (36, "3"), seq=2, original="20261121-00:00:00.000")
    for seq, name in ((3, "a2"), (4, "a3"), (5, "a4")):
        acceptor.say("8", *report(name), seq=seq, original="20261121-00:00:00.000")
    acceptor.say("1", (112, "are you there"), seq=6)
    assert acceptor.expect("0")[112] == "are you there"  # and no second ResendRequest before it
    assert [tags[11] for tags in told] == ["a2", "a3", "a4"]
    assert session.next_in == 7


def test_a_resend_repeats_orders_and_fills_gaps_over_admin_numbers(acceptor: Acceptor, start: Start) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)  # 1
    order(session, "a1")  # 2
    first = acceptor.expect("D")
    acceptor.say("1", (112, "x"))
    acceptor.expect("0")  # 3
    order(session, "a2")  # 4
    acceptor.expect("D")
    acceptor.say("2", (7, "1"), (16, "0"))
    fill, repeat, second, last = (acceptor.expect(kind) for kind in ("4", "D", "4", "D"))
    assert (fill[34], fill[123], fill[36], fill[43]) == ("1", "Y", "2", "Y")
    assert (repeat[34], repeat[43], repeat[11], repeat[122]) == ("2", "Y", "a1", first[52])
    assert (second[34], second[36]) == ("3", "4")
    assert (last[34], last[43], last[11]) == ("4", "Y", "a2")


def test_what_is_sent_while_nobody_listens_is_carried_by_the_resend(acceptor: Acceptor, start: Start) -> None:
    session = start(acceptor.gateway, reconnect_s=2.0)  # longer than it takes to send while it is down
    up(session, acceptor)
    acceptor.cut()
    assert session.wait_for(lambda: session.state is not State.UP, 5.0)
    assert order(session, "a1") == 2
    assert acceptor.log_on()[34] == "3"
    acceptor.say("2", (7, "2"), (16, "0"))
    repeat = acceptor.expect("D")
    assert (repeat[34], repeat[43], repeat[11]) == ("2", "Y", "a1")


def test_a_dead_gateway_is_left_for_the_next_one(acceptor: Acceptor, start: Start) -> None:
    dead = Acceptor("dead")
    dead.close()
    session = start(dead.gateway, acceptor.gateway)
    up(session, acceptor)
    assert session.gateway == acceptor.gateway


def test_a_gateway_that_dies_is_left_for_the_next_one_with_the_same_numbers(acceptor: Acceptor, start: Start) -> None:
    first = Acceptor("first")
    session = start(first.gateway, acceptor.gateway)
    up(session, first)
    order(session, "a1")
    first.expect("D")
    first.close()
    first.cut()
    acceptor.next_out = first.next_out
    assert up(session, acceptor)[34] == "3"


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 500 Internal Server Error\r\n\r\n", b"8=FIX.4.4\x019=5\x0135=0\x0110=161\x01"]
)
def test_a_gateway_that_speaks_nonsense_is_left(acceptor: Acceptor, start: Start, garbage: bytes) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)
    acceptor.say_bytes(garbage)
    assert acceptor.log_on()[34] == "2"


def test_at_rest_the_record_is_whole_and_without_password(acceptor: Acceptor, start: Start, tmp_path: Path) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)
    order(session, "a1")
    acceptor.expect("D")
    acceptor.say("8", *report("a1"))
    resolved: list[bool] = []
    ask = _in_background(lambda: resolved.append(session.resolve(5.0)))
    status, test = acceptor.expect("AF"), acceptor.expect("1")
    acceptor.say("8", (17, "0"), (150, "I"), (584, status[584]), (911, "0"), (912, "Y"))
    acceptor.say("0", (112, test[112]))
    ask()
    assert resolved == [True]
    leave = _in_background(session.stop)
    acceptor.expect("5")
    acceptor.cut()
    leave()
    session.recorder.close()
    kept = record.read([tmp_path / "M001.jsonl"])
    assert [message.kind for message in kept.sends] == ["A", "D", "AF", "1", "5"]
    assert PASSWORD not in (tmp_path / "M001.jsonl").read_text()


def test_a_session_that_was_not_brought_to_rest_makes_no_record(
    acceptor: Acceptor, start: Start, tmp_path: Path
) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)
    session.recorder.close()
    with pytest.raises(Incomplete, match="not resolved"):
        record.read([tmp_path / "M001.jsonl"])


def test_a_message_is_written_down_before_it_is_sent(acceptor: Acceptor, start: Start, tmp_path: Path) -> None:
    session = start(acceptor.gateway)
    up(session, acceptor)
    order(session, "a1")
    acceptor.expect("D")
    written = [json.loads(line) for line in (tmp_path / "M001.jsonl").read_text().splitlines()]
    assert any(line["e"] == "send" and "\x0111=a1\x01" in line["raw"] for line in written)


def _in_background(act: Callable[[], None]) -> Callable[[], None]:
    """Starts it; the result waits for its end."""
    thread = threading.Thread(target=act)
    thread.start()
    return lambda: thread.join(timeout=10.0)
