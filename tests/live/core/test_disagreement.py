"""Cores that disagree, or cannot go on: outvoted, quarantined, and kept out until an operator says otherwise."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from dingli_core.commands import EPOCH_START, LOGON, TICK, EpochStart, Logon, SessionCommand, Tick, encode_command
from dingli_core.entry import Entry, decode_entry, encode_entry
from dingli_core.replica import Replica
from dingli_etcd.operations import put

from tests.live.core.builds import altered_build, patient_build
from tests.live.core.harness import PREFIX, Cell, CoreProcess, until

REMAINDER = ("orders.py", '"remainder cancelled"', '"remainder canceled"')
THREE = {"a/main": "automatic", "b/main": "automatic", "c/main": "automatic"}
MANUAL = {"a/main": "manual", "b/main": "manual", "c/main": "manual"}
RunIn = Callable[[Callable[[Cell], object]], None]


async def following(cell: Cell, core: CoreProcess, head: int = 0) -> None:
    async def ready() -> bool:
        status = await cell.value("status/" + core.id.replace("/", ":"))
        return status is not None and status["role"] == "follower" and status["head"] >= head

    await until(ready)


async def metric(core: CoreProcess, name: str, value: float) -> bool:
    return await asyncio.to_thread(core.metric, f"dingli_core_{name}") == value


async def usurp(cell: Cell, core: str) -> int:
    """Makes the test itself the leader; the epoch."""
    content = {"core": core, "kind": "main", "incarnation": "test", "address": ""}
    response = await cell.client.txn([], [put(PREFIX + b"leader", json.dumps(content).encode())])
    return response.header.revision


async def write(cell: Cell, entry: Entry) -> bytes:
    raw = encode_entry(entry)
    await cell.client.put(PREFIX + b"log/%016x" % entry.n, raw)
    return raw


def test_a_core_that_computes_otherwise_is_quarantined_and_the_others_go_on(in_a_cell: RunIn, tmp_path: Path) -> None:
    async def scenario(cell: Cell) -> None:
        patient = patient_build(tmp_path / "patient")
        leader = await cell.core("a/main", THREE, program=patient)
        await until(lambda: cell.leads(leader))
        await following(cell, await cell.core("b/main", THREE, program=patient))
        odd = patient_build(tmp_path / "odd", REMAINDER)
        broken = await cell.core("c/main", THREE, program=odd)
        await following(cell, broken)
        gateway = await cell.gateway(1)
        gateway.logon()
        seq = gateway.order(side="9")
        await until(lambda: gateway.acknowledged(seq))
        assert await cell.value("quarantine/c:main") is None
        seq = gateway.immediate_order()
        await until(lambda: gateway.acknowledged(seq))
        await until(lambda: cell.value("quarantine/c:main"))
        seq = gateway.order()
        await until(lambda: gateway.acknowledged(seq))
        assert await cell.leader() == "a/main"
        assert await cell.value("quarantine/a:main") is None
        assert await cell.value("quarantine/b:main") is None
        assert await cell.value("halt") is None
        assert json.loads(leader.ctl("status"))["quarantined"] == ["c/main"]
        await until(lambda: metric(leader, "hash_disagreements", 1))
        await until(lambda: metric(leader, "leading", 1))
        await until(lambda: metric(broken, "quarantined", 1))
        await until(lambda: metric(leader, "halted", 0))
        await until(lambda: metric(leader, "clock_trusted", 1))

    in_a_cell(scenario)


def test_a_core_that_errs_in_an_entry_long_past_halts_nobody(in_a_cell: RunIn, tmp_path: Path) -> None:
    async def scenario(cell: Cell) -> None:
        forgetful = altered_build(tmp_path / "forgetful", ("replica.py", "KEPT_HASHES = 10_000", "KEPT_HASHES = 5"))
        leader = await cell.core("a/main", THREE, program=forgetful)
        await until(lambda: cell.leads(leader))
        gateway = await cell.gateway(1)
        gateway.logon()
        seq = gateway.immediate_order()
        await until(lambda: gateway.acknowledged(seq))
        await following(cell, await cell.core("b/main", THREE, program=forgetful), head=(await cell.log())[-1][0] + 10)
        odd = altered_build(tmp_path / "odd", REMAINDER)
        await cell.core("c/main", THREE, program=odd)
        await until(lambda: cell.value("quarantine/c:main"))
        seq = gateway.order()
        await until(lambda: gateway.acknowledged(seq))
        assert await cell.value("halt") is None
        assert await cell.leader() == "a/main"

    in_a_cell(scenario)


def test_a_leader_whose_hash_is_outvoted_is_deposed_and_its_entries_are_still_executed(
    in_a_cell: RunIn, tmp_path: Path
) -> None:
    async def scenario(cell: Cell) -> None:
        patient = patient_build(tmp_path / "patient")
        first = await cell.core("a/main", MANUAL, program=patient)
        second = await cell.core("b/main", MANUAL, program=patient)
        await following(cell, first)
        await following(cell, second)
        epoch = await usurp(cell, "c/main")
        replica = Replica("alpha")
        now = time.time_ns()
        start = (encode_command(EpochStart(EPOCH_START, 0, "c/main")),)
        raw = await write(cell, Entry(1, epoch, 1, b"1" * 16, now, replica.machine.hash, start))
        replica.apply_raw(raw, lambda _: None)
        logon = (encode_command(SessionCommand(LOGON, now, "M001", 7, 1, 0, Logon(30, 0))),)
        await write(cell, Entry(1, epoch, 2, b"2" * 16, now + 1, b"\x00" * 32, logon))
        await until(lambda: cell.value("quarantine/c:main"))

        await until(cell.nobody_leads)

        async def disputed() -> list[bytes]:
            return [kv.value for kv in (await cell.client.range(PREFIX + b"disputed/%016x" % epoch)).kvs]

        assert await until(disputed) == [b"2"]
        await following(cell, first, head=2)
        await following(cell, second, head=2)  # before that it may not campaign
        first.ctl("takeover", "b/main")
        await until(lambda: cell.leads(second))
        await following(cell, first, head=3)
        start_of_b = decode_entry((await cell.log())[2][1])
        for _, raw in (await cell.log())[1:2]:
            replica.apply_raw(raw, lambda _: 2)
        assert start_of_b.previous_hash == replica.machine.hash

    in_a_cell(scenario)


def test_a_core_that_cannot_execute_an_entry_stays_quarantined_until_it_is_released(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        core = await cell.core("a/main", {"a/main": "manual"})
        await following(cell, core)
        epoch = await usurp(cell, "c/main")
        bad = Entry(1, epoch, 1, b"1" * 16, time.time_ns(), Replica("alpha").machine.hash, (b"\x77",))
        await write(cell, bad)
        content = await until(lambda: cell.value("quarantine/a:main"))
        assert content["n"] == 1
        assert content["reason"].startswith("exception at 1: ")
        await asyncio.to_thread(core.stop)
        before = (await cell.value("status/a:main") or {})["incarnation"]
        core.start()

        async def sits_out() -> bool:
            status = await cell.value("status/a:main")
            return status is not None and (status["role"], status["incarnation"] != before) == ("quarantined", True)

        await until(sits_out)
        tick = (encode_command(Tick(TICK, 0)),)
        await write(cell, bad._replace(commands=tick))
        core.ctl("unquarantine", "a/main")
        await following(cell, core, head=1)

    in_a_cell(scenario)
