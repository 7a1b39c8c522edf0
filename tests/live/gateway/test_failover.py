"""The leading core dies while members trade: they keep their connections, and lose nothing."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.gateway.cell import Cell
from tests.live.gateway.fixclient import FixClient
from tests.waiting import wait_for

CORES = ["host-1/main", "host-2/main"]
LEASE_S = 5  # a hung leader is waited for as long as that


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Cell]:
    """Two cores, the first one leading, and two gateways."""
    cell = Cell(tmp_path)
    try:
        cell.set_policy(CORES)
        cell.start_core(CORES[0], lease_s=LEASE_S)
        wait_for(lambda: cell.leader() == CORES[0], what="the first core leads")
        cell.start_core(CORES[1], lease_s=LEASE_S)
        wait_for(lambda: cell.get(f"status/{CORES[1].replace('/', ':')}"), what="the second core follows")
        cell.start_gateway("g1")
        cell.start_gateway("g2")
        yield cell
    finally:
        cell.close()


class Trader(threading.Thread):
    """Sends orders one after the other, each as soon as the one before it is acknowledged, until told to stop."""

    def __init__(self, client: FixClient, side: str) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.side = side
        self.stopping = threading.Event()
        self.acknowledged = 0
        self.problem = ""

    def run(self) -> None:
        """Until told to stop, or the connection ends."""
        try:
            while not self.stopping.is_set():
                self._one()
        except (AssertionError, OSError) as error:
            self.problem = repr(error)

    def _one(self) -> None:
        name = f"{self.client.session}-{self.acknowledged}"
        self.client.order(name, self.side, 1, "5")
        while True:
            message = self.client.receive()
            assert message is not None, "the connection ended"
            if message[35] == "8" and message[11] == name and message[150] == "0":
                break
        self.acknowledged += 1


def log_on(cell: Cell, session: str, gateway: str) -> FixClient:
    client = FixClient(session, cell.folder / "ca.crt")
    client.log_on(cell.fix_ports[gateway], (141, "Y"))
    client.expect("A")
    return client


def complete_and_unique(client: FixClient, expected_orders: int) -> None:
    """Read to the end, then: numbers without a gap, every ExecID once, every order acknowledged once."""
    client.send("1", (112, "the end"))
    while True:
        message = client.receive()
        assert message is not None
        if message.get(112) == "the end":
            break
    numbers = [int(message[34]) for message in client.received]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not [message for message in client.received if 43 in message]
    reports = [message for message in client.received if message[35] == "8"]
    exec_ids = [message[17] for message in reports]
    assert len(exec_ids) == len(set(exec_ids))
    accepted = [message[11] for message in reports if message[150] == "0"]
    assert accepted == [f"{client.session}-{number}" for number in range(expected_orders)]


def trade_through(cell: Cell, disturb: int) -> list[Trader]:
    """Two members trade over two gateways; after 50 orders each the leading core gets the signal."""
    traders = [Trader(log_on(cell, "M1", "g1"), "1"), Trader(log_on(cell, "M2", "g2"), "2")]
    for trader in traders:
        trader.start()
    wait_for(lambda: all(trader.acknowledged >= 50 for trader in traders), what="trade before the fault")
    cell.set_policy(CORES[1:])  # killed, the first core is back soon, and might lead again
    os.kill(cell.child_of(CORES[0]), disturb)
    wait_for(lambda: cell.leader() == CORES[1], what="the second core leads")
    reached = [trader.acknowledged for trader in traders]
    wait_for(
        lambda: all(trader.acknowledged >= before + 50 for trader, before in zip(traders, reached, strict=True)),
        what="trade after the fault",
    )
    for trader in traders:
        trader.stopping.set()
        trader.join(60)
        assert trader.problem == ""
    return traders


@pytest.mark.parametrize("disturb", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_members_trade_on_when_the_leading_core_is_lost(pair: Cell, disturb: int) -> None:
    traders = trade_through(pair, disturb)
    for trader in traders:
        complete_and_unique(trader.client, trader.acknowledged)
    filled = [
        {message[527]: message[32] for message in trader.client.received if message.get(150) == "F"}
        for trader in traders
    ]
    assert filled[0] == filled[1]
    assert filled[0]


def test_a_logon_during_the_change_of_leader_is_answered_by_the_new_one(pair: Cell) -> None:
    os.kill(pair.child_of(CORES[0]), signal.SIGKILL)
    client = log_on(pair, "M3", "g1")
    assert pair.leader() in CORES
    client.order("late", "1", 1, "5")
    client.expect("8", t150="0", t11="late")


def test_a_gateway_that_cannot_reach_the_journal_closes_its_members(pair: Cell) -> None:
    client = log_on(pair, "M1", "g1")
    pair.kill("etcd")
    client.expect_closed()
    refused = FixClient("M2", pair.folder / "ca.crt")
    refused.log_on(pair.fix_ports["g1"])
    refused.expect_closed()


def test_a_gateway_that_stood_still_keeps_its_members(pair: Cell) -> None:
    client = log_on(pair, "M1", "g1")
    pair.kill("g1", signal.SIGSTOP)
    time.sleep(2.5)  # the time is the point: as long without the journal, and members are closed
    pair.kill("g1", signal.SIGCONT)
    client.send("1", (112, "still here"))
    client.expect("0", t112="still here")


def test_a_gateway_that_is_stopped_logs_its_members_out(pair: Cell) -> None:
    client = log_on(pair, "M1", "g1")
    assert pair.stop("g1") == 0
    client.expect("5", t58="gateway is shutting down")
    client.expect_closed()
    client.log_on(pair.fix_ports["g2"])
    client.expect("A", t34=3)
