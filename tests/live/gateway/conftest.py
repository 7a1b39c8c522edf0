"""A cell with one core and two gateways, and clients that are closed afterwards."""

from collections.abc import Callable, Iterator

import pytest

from tests.live.gateway.cell import Cell
from tests.live.gateway.fixclient import FixClient

Member = Callable[[str], FixClient]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """A core and two gateways, g1 and g2."""
    with Cell.trading(tmp_path_factory.mktemp("cell"), g1=True, g2=True) as cell:
        yield cell


@pytest.fixture
def member(cell: Cell) -> Iterator[Member]:
    """Makes members with a fresh start (numbers reset at their first logon)."""
    clients: list[FixClient] = []

    def make(session: str) -> FixClient:
        client = FixClient(session, cell.folder / "ca.crt")
        client.log_on(cell.fix_ports["g1"], (141, "Y"))
        client.expect("A", t34=1, t141="Y", t108=30)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.cut()
