"""Keys that nobody can read, in a real journal: cores of both kinds follow and lead on, and are never started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from dingli_etcd import Client
from dingli_etcd.operations import delete, put

from tests.live.gateway.cell import CELL, Cell
from tests.live.minicore.rig import CoreProcess, running
from tests.waiting import wait_for

MAIN, MINIMAL = "host-1/main", "host-2/minimal"
ODD = {
    b"switch": b"\xff\xfe",
    b"handover": b"nobody/main",
    b"disputed/%016x" % 1: b"0x1",
    b"disputed/none": b"{}",
    b"votes/1": b"",
    b"votes/%016x/a:main" % 1: b"not a hash",
    b"votes/%016x/\xff" % 1: b"0" * 64,
    b"status/stranger:main": b"[" * 10_000,
    b"status/host-9:main": b'{"core": "host-9/main", "time_ns": "now", "head": {}}',
    b"log/": b"x",
    b"log/zzz": b"x",
    b"log/\xff": b"x",
    b"log/%016x.bak" % 2: b"x",
    b"nothing/of/ours": b"\xff",
}


@pytest.fixture
def cores(tmp_path: Path) -> Iterator[tuple[Cell, CoreProcess]]:
    """A main core that leads and a minimal one that follows."""
    cell = Cell(tmp_path)
    minimal = CoreProcess(MINIMAL, tmp_path, cell.endpoint, lease_s=5)
    try:
        cell.set_policy([MAIN, MINIMAL])
        cell.start_core(MAIN)
        wait_for(lambda: cell.leader() == MAIN, what="the main core leads")
        with running(minimal):
            wait_for(lambda: head(cell, MINIMAL) >= 2, what="the minimal core follows")
            yield cell, minimal
    finally:
        cell.close()


def head(cell: Cell, core: str) -> int:
    status = cell.get(f"status/{core.replace('/', ':')}")
    return int(json.loads(status)["head"]) if status else -1


def change(cell: Cell, values: Mapping[bytes, bytes | None]) -> None:
    async def write() -> None:
        client = Client([cell.endpoint], None, 5.0)
        keys = {f"/dingli/v1/{CELL}/".encode() + key: value for key, value in values.items()}
        await client.txn([], [delete(key) if value is None else put(key, value) for key, value in keys.items()])
        await client.close()

    asyncio.run(write())


def both_go_on(cell: Cell, entries: int = 8) -> None:
    """Entries are committed, and both cores execute them."""
    heads = {core: head(cell, core) for core in (MAIN, MINIMAL)}
    wait_for(
        lambda: all(head(cell, core) >= before + entries for core, before in heads.items()), what="both cores go on"
    )


def test_odd_keys_stop_no_core_whether_it_follows_or_leads(cores: tuple[Cell, CoreProcess]) -> None:
    cell, minimal = cores
    main_child, minimal_child = cell.child_of(MAIN), wait_for(minimal.child)
    change(cell, ODD)
    both_go_on(cell)
    assert cell.leader() == MAIN
    assert wait_for(lambda: cell.get("switch") == b"", what="the leader deletes a switch that names nobody")

    policy = cell.get("policy")
    assert policy
    change(cell, {b"policy": b'{"cores": ["host-1/main"]}'})
    both_go_on(cell)
    os.kill(cell.child_of(MAIN), signal.SIGKILL)
    wait_for(lambda: cell.get("leader") == b"", what="nobody leads: the policy names nobody")
    main_child = wait_for(lambda: cell.child_of(MAIN), what="the main core is back")
    before = head(cell, MINIMAL)
    willing = json.loads(policy)
    willing["cores"][MAIN]["takeover"] = "manual"  # or it might lead if the hand-over lapses on a loaded machine
    change(cell, {b"policy": json.dumps(willing).encode(), b"handover": MINIMAL.encode()})
    wait_for(lambda: cell.leader() == MINIMAL, what="the minimal core leads, with all those keys in place")
    wait_for(lambda: head(cell, MINIMAL) > before, what="it appends")
    both_go_on(cell)
    change(cell, {b"switch": b"{}", b"disputed/%016x" % 1: b"?"})
    wait_for(lambda: cell.get("switch") == b"", what="the minimal core deletes a switch that names nobody")
    both_go_on(cell)
    assert (cell.child_of(MAIN), minimal.child()) == (main_child, minimal_child), "a core was started again"


def test_a_leader_key_that_cannot_be_read_is_left_to_an_operator(cores: tuple[Cell, CoreProcess]) -> None:
    cell, minimal = cores
    change(cell, {b"leader": b"\xff"})
    children = wait_for(lambda: cell.child_of(MAIN)), wait_for(minimal.child)
    wait_for(lambda: "cannot be read" in (cell.folder / "host-2-minimal.log").read_text(), what="it is told")
    wait_for(lambda: "cannot be read" in (cell.folder / "host-1-main.log").read_text(), what="it is told")
    assert cell.get("leader") == b"\xff"
    change(cell, {b"leader": None})
    wait_for(lambda: b"host-" in (cell.get("leader") or b""), what="a core leads again")
    both_go_on(cell)
    assert (cell.child_of(MAIN), minimal.child()) == children
