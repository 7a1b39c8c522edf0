import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dingli_etcd import Client

from tests.live.core.harness import Cell, Etcd

Scenario = Callable[[Cell], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _cell(folder: Path) -> AsyncIterator[Cell]:
    etcd = Etcd(folder)
    client = Client([etcd.url], None, 30.0)
    cell = Cell(folder, etcd, client)
    try:
        yield cell
    finally:
        await cell.stop()
        await client.close()
        etcd.stop()


@pytest.fixture
def in_a_cell(tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario with an etcd of its own, and ends every process afterwards."""

    async def run(scenario: Scenario) -> None:
        async with _cell(tmp_path) as cell:
            await scenario(cell)

    return lambda scenario: asyncio.run(run(scenario))
