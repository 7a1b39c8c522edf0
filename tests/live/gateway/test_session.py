"""A member's session, from logon to logout, and what the standard answers to what is wrong."""

import ssl
import time

import pytest

from tests.live.gateway.cell import SESSIONS, Cell
from tests.live.gateway.conftest import Member
from tests.live.gateway.fixclient import FixClient
from tests.waiting import wait_for


def test_two_members_trade(member: Member) -> None:
    buyer, seller = member("M1"), member("M2")
    buyer.order("T1-B1", "1", 100, "12.5")
    buyer.expect("8", t150="0", t39="0", t11="T1-B1", t151=100, t14=0, t44="12.5")
    seller.order("T1-S1", "2", 40, "12.4")
    seller.expect("8", t150="0", t11="T1-S1")
    sold = seller.expect("8", t150="F", t39="2", t32=40, t31="12.5", t6="12.5", t151=0)
    bought = buyer.expect("8", t150="F", t39="1", t32=40, t31="12.5", t151=60, t14=40)
    assert sold[527] == bought[527]
    buyer.cancel("T1-C1", "T1-B1", "1")
    buyer.expect("8", t150="4", t39="4", t11="T1-C1", t41="T1-B1", t151=0, t14=40)
    buyer.cancel("T1-C2", "T1-B1", "1")
    buyer.expect("9", t39="4", t434=1, t102=0, t58="order not open")
    buyer.order("T1-B1", "1", 1, "12.5")
    buyer.expect("8", t150="8", t103=6, t37="NONE")
    buyer.order("T1-B3", "1", 1, "12.5", symbol="NOWHERE")
    buyer.expect("8", t150="8", t103=1, t58="unknown symbol")
    buyer.send("AF", (584, "S1"), (585, 7))
    buyer.expect("8", t150="I", t584="S1", t911=0, t912="Y", t58="no open orders")


def test_heartbeats_test_requests_and_logout(member: Member) -> None:
    client = member("M1")
    client.send("1", (112, "are you there"))
    client.expect("0", t112="are you there")
    client.send("5")
    client.expect("5", t58=None)
    client.expect_closed()


def test_a_quiet_member_is_tested_and_then_cut(cell: Cell) -> None:
    client = FixClient("M1", cell.folder / "ca.crt")
    client.log_on(cell.fix_ports["g1"], (141, "Y"), heartbeat_s=4)  # less than 5 s pass between test and end
    client.expect("A", t108=4)
    kinds = []
    while (message := client.receive()) is not None:
        kinds.append(message[35])
    assert kinds.count("1") == 1
    assert kinds.count("0") >= 1


def test_a_gap_is_asked_for_and_filled(member: Member) -> None:
    client = member("M1")
    client.next_out += 2
    client.order("T2-B1", "1", 10, "1")
    client.expect("2", t7=2, t16=0)
    client.send("4", (43, "Y"), (123, "Y"), (36, 5), seq=2)
    client.next_out = 5
    client.order("T2-B2", "1", 10, "1")
    client.expect("8", t11="T2-B2", t150="0")
    client.send("4", (36, 50))
    client.next_out = 50
    client.cancel("T2-C2", "T2-B2", "1")
    client.expect("8", t150="4")


def test_a_refused_second_logon_disturbs_nobody(cell: Cell, member: Member) -> None:
    client, other = member("M1"), member("M2")
    client.order("T2-D1", "1", 10, "1")
    client.expect("8", t11="T2-D1", t34=2)
    second = FixClient("M1", cell.folder / "ca.crt")
    second.log_on(cell.fix_ports["g1"])
    second.expect("5", t34=3)
    client.order("T2-D2", "1", 10, "1")
    client.expect("4", t34=3, t36=4, t123="Y")
    client.expect("8", t11="T2-D2", t34=4)
    other.order("T2-D3", "1", 10, "1")
    other.expect("8", t11="T2-D3")
    for one, original in ((client, "T2-D1"), (client, "T2-D2"), (other, "T2-D3")):
        one.cancel(f"{original}-C", original, "1")
        one.expect("8", t150="4")


def test_stored_messages_are_sent_again_and_administrative_ones_skipped(member: Member) -> None:
    client = member("M1")
    client.order("T3-B1", "1", 10, "1")
    first = client.expect("8", t34=2)
    client.send("1", (112, "x"))
    client.expect("0", t34=3)
    client.cancel("T3-C1", "T3-B1", "1")
    second = client.expect("8", t34=4)
    client.send("2", (7, 1), (16, 0))
    client.expect("4", t34=1, t36=2, t123="Y", t43="Y")
    again = client.expect("8", t34=2, t43="Y", t17=first[17])
    assert again[122] <= again[52]
    client.expect("4", t34=3, t36=4)
    client.expect("8", t34=4, t43="Y", t17=second[17])
    client.send("1", (112, "y"))
    client.expect("0", t34=5, t112="y")


FAULTS: dict[str, tuple[str, list[tuple[int, object]], dict[str, object]]] = {
    "unknown type": ("ZZ", [], {"t373": 11, "t371": 35}),
    "required tag missing": ("1", [], {"t373": 1, "t371": 112}),
    "tag without value": ("1", [(112, "")], {"t373": 4, "t371": 112}),
    "tag repeated": ("1", [(112, "a"), (112, "b")], {"t373": 13, "t371": 112}),
    "malformed": ("2", [(7, "x"), (16, 0)], {"t373": 6, "t371": 7}),
    "bad value": ("AF", [(584, "S"), (585, 3)], {"t373": 5, "t371": 585}),
}


@pytest.mark.parametrize(("msg_type", "body", "answer"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_message_is_rejected_and_the_session_lives(
    member: Member, msg_type: str, body: list[tuple[int, object]], answer: dict[str, object]
) -> None:
    client = member("M1")
    client.send(msg_type, *body)
    client.expect("3", t45=2, **answer)
    client.send("1", (112, "on"))
    client.expect("0", t112="on")


def test_what_a_cell_does_not_take_is_a_business_reject(member: Member) -> None:
    client = member("M1")
    client.send("G", (11, "X1"), (41, "X0"))
    client.expect("j", t45=2, t372="G", t379="X1", t380=3)


LOGOUTS: dict[str, tuple[dict[str, object], list[str], str]] = {
    "number too low": ({"seq": 1}, ["5"], "MsgSeqNum too low, expecting 2 but received 1"),
    "number missing": ({"seq": ""}, ["5"], "MsgSeqNum missing"),
    "wrong version": ({"begin": "FIX.4.2"}, ["5"], "Incorrect BeginString"),
    "wrong sender": ({"sender": "M2"}, ["3", "5"], "CompID problem"),
    "wrong time": ({"sent": "20200101-00:00:00"}, ["3", "5"], "SendingTime accuracy problem"),
}


@pytest.mark.parametrize(("header", "kinds", "text"), LOGOUTS.values(), ids=LOGOUTS.keys())
def test_a_hopeless_message_ends_the_session(
    member: Member, header: dict[str, object], kinds: list[str], text: str
) -> None:
    client = member("M1")
    client.send("0", **header)
    for kind in kinds[:-1]:
        client.expect(kind)
    client.expect("5", t58=text)
    client.expect_closed()


def test_garbage_is_ignored_and_nobody_else_notices(cell: Cell, member: Member) -> None:
    other, client = member("M2"), member("M1")
    before = cell.metric("g1", "dingli_gateway_garbled_total")
    wrong = client.encode("0", [], seq=2)
    client.send_bytes(wrong[:-4] + b"%03d\x01" % ((int(wrong[-4:-1]) + 1) % 256))
    client.send_bytes(b"nonsense\x01")
    client.send("1", (112, "still here"))
    client.expect("0", t112="still here")
    assert cell.metric("g1", "dingli_gateway_garbled_total") == before + 2
    client.send_bytes(b"8=FIX.4.4\x019=9999\x0135=0\x01")
    client.expect_closed()
    other.send("1", (112, "me too"))
    other.expect("0", t112="me too", t34=2)


REFUSED: dict[str, tuple[str, str, list[tuple[int, object]]]] = {
    "wrong password": ("M1", "wrong", []),
    "unknown session": ("NOBODY", "any", []),
    "heartbeat out of range": ("M1", "correct horse", [(108, 301)]),
    "reset with another number": ("M1", "correct horse", [(141, "Y")]),
}


@pytest.mark.parametrize(("session", "password", "extra"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_logon_is_closed_without_a_word(
    cell: Cell, session: str, password: str, extra: list[tuple[int, object]]
) -> None:
    client = FixClient(session, cell.folder / "ca.crt")
    client.next_out = 7
    client.log_on(cell.fix_ports["g1"], *extra, password=password)
    client.expect_closed()


def test_a_first_message_that_is_no_logon_is_closed_without_a_word(cell: Cell) -> None:
    client = FixClient("M1", cell.folder / "ca.crt")
    client.connect(cell.fix_ports["g1"])
    client.send("0")
    client.expect_closed()


def test_a_logon_with_an_old_number_is_told_what_is_expected(cell: Cell, member: Member) -> None:
    client = member("M1")
    client.send("1", (112, "x"))
    client.expect("0")
    client.cut()
    client.next_out = 1
    client.log_on(cell.fix_ports["g2"])
    client.expect("5", t58="MsgSeqNum too low, expecting 3 but received 1")
    client.expect_closed()


def test_a_member_that_was_cut_goes_on_at_another_gateway_with_its_numbers(cell: Cell, member: Member) -> None:
    client, other = member("M1"), member("M2")
    client.order("T5-B1", "1", 10, "3")
    client.expect("8", t34=2, t150="0")
    client.cut()
    wait_for(lambda: cell.metric("g1", "dingli_gateway_sessions") == 1.0, what="g1 noticed the cut")
    other.order("T5-S1", "2", 10, "3")
    other.expect("8", t150="0")
    filled = other.expect("8", t150="F")
    client.log_on(cell.fix_ports["g2"])
    client.expect("A", t34=4)
    client.send("2", (7, 3), (16, 0))
    missed = client.expect("8", t34=3, t43="Y", t150="F", t11="T5-B1")
    assert missed[527] == filled[527]
    client.expect("4", t34=4, t36=5)


def test_a_newer_logon_replaces_the_older_connection(cell: Cell, member: Member) -> None:
    older = member("M1")
    newer = FixClient("M1", cell.folder / "ca.crt")
    newer.next_out = older.next_out
    newer.log_on(cell.fix_ports["g2"])
    newer.expect("A", t34=2)
    older.expect_closed()
    newer.send("1", (112, "mine"))
    newer.expect("0", t112="mine")
    newer.cut()


def flood(client: FixClient) -> None:
    """Ask for answers that nobody reads, for at most a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        client.send_bytes(b"".join(client.encode("1", [(112, "x" * 32)]) for _ in range(1_000)))


def test_a_member_that_does_not_read_is_cut_and_others_go_on(cell: Cell, member: Member) -> None:
    other = member("M2")
    deaf = FixClient("M1", cell.folder / "ca.crt", receive_buffer=4096)
    deaf.log_on(cell.fix_ports["g1"], (141, "Y"), heartbeat_s=1)
    deaf.expect("A")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        flood(deaf)
    other.send("1", (112, "fast"))
    other.expect("0", t112="fast")


def test_series_are_published(cell: Cell, member: Member) -> None:
    members = [member(session) for session in SESSIONS]
    wait_for(lambda: cell.metric("g1", "dingli_gateway_sessions") == len(members), what="three sessions")
    assert cell.metric("g1", "dingli_gateway_leader_epoch") > 0
    assert cell.metric("g1", "dingli_gateway_ack_seconds_count") > 0
    assert cell.metric("g1", 'dingli_gateway_messages_total{direction="in",type="A"}') >= 3


def test_one_status_of_all_orders_a_second_is_answered_and_the_session_goes_on(member: Member) -> None:
    client = member("M1")
    both = [client.encode("AF", [(584, name), (585, 7)]) for name in ("first", "second")]
    client.send_bytes(b"".join(both))
    client.expect("8", t584="first")
    client.expect("j", t372="AF", t379="second", t380=0, t58="one mass status a second")
    client.send("1", (112, "alive"))
    client.expect("0", t112="alive")
    time.sleep(1.0)  # the time is the point
    client.send("AF", (584, "third"), (585, 7))
    client.expect("8", t584="third")
