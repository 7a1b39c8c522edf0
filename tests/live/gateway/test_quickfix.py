"""A standard FIX engine, which knows nothing of us, takes everything that we send as FIX 4.4."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.gateway.cell import Cell
from tests.live.gateway.fixclient import FixClient
from tests.live.gateway.quickfix_member import QuickFixMember
from tests.waiting import wait_for

GATEWAYS = ["g1", "g2"]


@pytest.fixture
def plain_cell(tmp_path: Path) -> Iterator[Cell]:
    """QuickFIX for Python is built without TLS, so these gateways speak plain TCP on loopback."""
    with Cell.trading(tmp_path, **dict.fromkeys(GATEWAYS, False)) as cell:
        yield cell


@pytest.fixture
def quickfix_member(plain_cell: Cell, tmp_path: Path) -> Iterator[QuickFixMember]:
    ports = [plain_cell.fix_ports[gateway] for gateway in GATEWAYS]
    member = QuickFixMember("M1", ports, tmp_path / "quickfix")
    yield member
    member.stop()


def test_quickfix_logs_on_trades_is_cut_and_logs_on_again_with_its_numbers(
    plain_cell: Cell, quickfix_member: QuickFixMember
) -> None:
    member = quickfix_member
    member.start()
    other = FixClient("M2")
    other.log_on(plain_cell.fix_ports["g2"])
    other.expect("A")

    member.order("B1", "1", 100, "12.5")
    member.await_message(t35="8", t11="B1", t150="0")
    other.order("S1", "2", 40, "12.5")
    member.await_message(t35="8", t11="B1", t150="F", t32=40, t151=60)
    every_kind_of_answer(member)

    logons = member.logons
    plain_cell.kill("g1")
    other.order("S2", "2", 10, "12.5")
    while (fill := other.expect("8"))[11] != "S2" or fill[150] != "F":
        pass
    wait_for(lambda: member.logons > logons, what="QuickFIX logs on at the other gateway")
    missed = member.await_message(t35="8", t150="F", t527=fill[527])
    assert missed[151] == "50"
    member.order("B2", "1", 1, "1")
    member.await_message(t35="8", t11="B2", t150="0")

    assert member.complaints == []
    reports = [one for one in member.received if one[35] == "8"]
    assert len({one[17] for one in reports}) == len({one[34] for one in reports})


def every_kind_of_answer(member: QuickFixMember) -> None:
    """Each message type that a cell sends passes QuickFIX's own validation."""
    member.order("B1", "1", 1, "12.5")
    member.await_message(t35="8", t150="8", t103=6)
    member.order("X1", "1", 1, "12.5", symbol="NOWHERE")
    member.await_message(t35="8", t11="X1", t150="8", t103=1)
    member.send("D", (11, "X2"), (55, "WIDGET"), (54, "5"), (38, 1), (40, 1))
    member.await_message(t35="8", t11="X2", t150="8", t103=11)
    member.send("D", (11, "K1"), (55, "GADGET"), (54, "1"), (38, 5), (40, 1))
    member.await_message(t35="8", t11="K1", t150="4", t58="remainder cancelled")
    member.order("B9", "1", 5, "1")
    member.send("F", (11, "C1"), (41, "B9"), (55, "WIDGET"), (54, "1"), (38, 5))
    member.await_message(t35="8", t11="C1", t150="4", t41="B9")
    member.send("F", (11, "C2"), (41, "B9"), (55, "WIDGET"), (54, "1"), (38, 5))
    member.await_message(t35="9", t11="C2", t102=0)
    member.send("AF", (584, "S1"), (585, 7))
    member.await_message(t35="8", t584="S1", t150="I", t912="Y")
    member.send("AF", (584, "S2"), (585, 3))
    member.await_message(t35="3", t371=585, t373=5)
    member.send("G", (11, "R1"), (41, "B1"), (55, "WIDGET"), (54, "1"), (38, 5), (40, 1))
    member.await_message(t35="j", t372="G", t379="R1", t380=3)
