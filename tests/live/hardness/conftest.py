"""A core of either kind that leads a cell of its own."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.gateway.cell import CELL, Cell
from tests.live.hardness.core_port import MAIN, MINIMAL, Leading, memory_kb, role
from tests.live.minicore.rig import CoreProcess, Gateway, running
from tests.waiting import wait_for


@pytest.fixture(params=[MAIN, MINIMAL])
def leading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Leading]:
    cell, core = Cell(tmp_path), str(request.param)
    minimal = CoreProcess(core, tmp_path, cell.endpoint, tls=cell.authority.issue(f"core-{CELL}"))
    try:
        cell.set_policy([core])
        with running(*([minimal] if core == MINIMAL else [])):
            if core == MAIN:
                cell.start_core(core)
            wait_for(lambda: cell.leader() == core, what="the core leads")
            wait_for(lambda: role(cell, core) == "leader", what="it knows that it leads: it turns gateways away before")
            port = int(json.loads(cell.get("leader") or b"{}")["address"].rpartition(":")[2])
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
            context.check_hostname = False
            mine = cell.authority.issue(f"gateway-{CELL}")
            context.load_cert_chain(mine["cert"], mine["key"])

            def connect() -> Gateway:
                return Gateway(port, lambda raw: context.wrap_socket(raw))

            def child() -> int:
                return minimal.child() if core == MINIMAL else cell.child_of(core)

            log = tmp_path / f"{core.replace('/', '-')}.log"
            yield Leading(cell, child, log, connect, lambda: memory_kb(child()), port)
    finally:
        cell.close()
