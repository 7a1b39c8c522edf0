"""More connections than a process may usually hold: who is served goes on, and others are let in."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.gateway.cell import Cell
from tests.live.gateway.fixclient import FixClient
from tests.live.hardness.core_port import MAIN, MINIMAL, Honest, Leading
from tests.live.hardness.test_fix_fuzz import Trader
from tests.waiting import wait_for

HALF_OPEN = 1_100
SOON_S = 8.0
USUAL_FILES = 1_024  # what systemd gives a service that asks for nothing


@pytest.fixture
def few_files() -> Iterator[int]:
    """What is started meanwhile may have as many files as systemd gives a service."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_FILES, hard))
    yield USUAL_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def flood(port: int) -> ExitStack:
    """Connections that never say a word; they last as long as the test."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    with ExitStack() as made:
        for _ in range(HALF_OPEN):
            made.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        return made.pop_all()


def test_connections_that_never_say_a_word_keep_no_member_from_trading(few_files: int, tmp_path: Path) -> None:
    with Cell.trading(tmp_path, g1=True) as cell:
        trader = Trader(cell)
        trader.start()
        with flood(cell.fix_ports["g1"]):
            before, began = trader.acknowledged, time.monotonic()
            client = FixClient("M1", cell.folder / "ca.crt")
            client.log_on(cell.fix_ports["g1"], (141, "Y"))
            client.expect("A")
            assert time.monotonic() - began < SOON_S, "only when the first of the flood were cut off"
            wait_for(lambda: trader.acknowledged > before + 5, what="the trader goes on")
            client.cut()
        trader.stopping.set()
        trader.join(timeout=60)
        assert not trader.problem, trader.problem


@pytest.mark.parametrize("leading", [MAIN, MINIMAL], indirect=True)
def test_connections_that_never_say_a_word_keep_no_gateway_out(few_files: int, leading: Leading) -> None:
    honest, child = Honest(leading.connect()), leading.child()
    with flood(leading.port):
        began = time.monotonic()
        Honest(leading.connect(), "LATER").order()
        assert time.monotonic() - began < SOON_S, "only when the first of the flood were cut off"
        honest.order()
    assert leading.child() == child
