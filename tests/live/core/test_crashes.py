"""A core is killed, hung, cut off or asked to hand over: nothing acknowledged is lost or doubled."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dingli_core.commands import NEW_ORDER, SessionCommand, decode_command
from dingli_core.entry import decode_entry
from dingli_core.machine import Machine
from dingli_core.replica import Replica
from dingli_core.wire import pack_str
from dingli_etcd.operations import create_revision_is, put

from tests.live.core.builds import patient_build
from tests.live.core.harness import PREFIX, SYMBOL, Cell, CoreProcess, Gateway, Wire, dumped, until

BOTH = {"a/main": "automatic", "b/main": "automatic"}
RunIn = Callable[[Callable[[Cell], object]], None]


def replayed(log: list[tuple[int, bytes]]) -> Machine:
    """Replays a log from its first entry, comparing every hash."""
    replica = Replica("alpha")
    assert [n for n, _ in log] == list(range(1, len(log) + 1))
    for _, raw in log:
        replica.apply_raw(raw, lambda _: None)
    return replica.machine


def orders_in(log: list[tuple[int, bytes]]) -> Counter[int]:
    """How often each in_seq of an order stands in the log."""
    commands = (decode_command(command) for _, raw in log for command in decode_entry(raw).commands)
    orders = (command for command in commands if isinstance(command, SessionCommand) and command.kind == NEW_ORDER)
    return Counter(command.in_seq for command in orders)


async def trade(gateway: Gateway, orders: int) -> int:
    """Submits orders and waits for the last acknowledgement; its number."""
    last = 0
    for _ in range(orders):
        last = gateway.order()
    await until(lambda: gateway.acknowledged(last))
    return last


async def two_cores(cell: Cell, lease_s: int = 10, program: Path | None = None) -> tuple[CoreProcess, CoreProcess]:
    first = await cell.core("a/main", BOTH, lease_s=lease_s, program=program)
    await until(lambda: cell.leads(first))
    second = await cell.core("b/main", BOTH, lease_s=lease_s, program=program)

    async def ready() -> bool:
        status = await cell.value("status/b:main")
        return status is not None and status["role"] == "follower" and status["lag_ms"] == 0 and status["head"] > 0

    await until(ready)
    return first, second


async def logged_on(cell: Cell) -> Gateway:
    gateway = await cell.gateway(1)
    seq = gateway.logon()
    await until(lambda: gateway.acknowledged(seq))
    return gateway


def test_a_killed_leader_loses_its_lease_at_once_and_the_other_core_goes_on(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        first, second = await two_cores(cell, lease_s=30)
        gateway = await logged_on(cell)
        last = await trade(gateway, 50)
        await cell.policy({"a/main": "manual", "b/main": "automatic"})  # a core started anew may be the quicker one
        killed_at = time.monotonic()
        first.signal_child(signal.SIGKILL)
        after = await cell.gateway(1)
        took_s = time.monotonic() - killed_at
        assert await cell.leader() == second.id
        assert took_s < 10.0, f"taking over took {took_s:.3f} s: a third of the lease"
        after.next_seq = last + 1
        after.order(last)  # submitted again, as a gateway does that saw no answer
        await trade(after, 50)
        assert after.acks[last] == 1
        log = await cell.log()
        assert set(orders_in(log)) == set(range(2, 102))
        assert replayed(log).sessions.by_name["M001"].next_in == 102
        assert dumped(second.ctl("dump", "--to", str(log[-1][0]))) == log  # ticks go on: up to where the log was read

    in_a_cell(scenario)


def test_a_leader_stopped_past_its_lease_writes_nothing_when_it_goes_on(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        first, second = await two_cores(cell, lease_s=5)
        gateway = await logged_on(cell)
        await trade(gateway, 10)
        first.signal_child(signal.SIGSTOP)
        stranded = gateway.order()
        await until(lambda: cell.leads(second))
        new_epoch = (await cell.client.range(PREFIX + b"leader")).kvs[0].create_revision
        first.signal_child(signal.SIGCONT)

        async def given_up() -> bool:
            return any(event["event"] == "not leading any more" for event in first.events())

        await until(given_up)
        await until(lambda: asyncio.sleep(0, gateway.ended))
        assert stranded not in gateway.acks
        log = await cell.log()
        entries = [decode_entry(raw) for _, raw in log]
        first_new = next(entry.n for entry in entries if entry.epoch == new_epoch)
        assert all(entry.epoch == new_epoch for entry in entries if entry.n >= first_new)
        assert stranded not in orders_in(log)
        replayed(log)

    in_a_cell(scenario)


def test_lost_answers_are_answered_by_the_same_bytes_again_and_nothing_is_doubled(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        async with Wire(cell.etcd.port) as wire:
            core = await cell.core("a/main", {"a/main": "automatic"}, [wire.url], lease_s=20)
            await until(lambda: cell.leads(core))
            gateway = await logged_on(cell)
            await trade(gateway, 5)
            # From its entry on: if the answer to a tick were lost, the order would wait behind that.
            named = f"O{gateway.next_seq}"
            wire.swallow_from = pack_str(named) + pack_str("") + pack_str(SYMBOL)
            seq = gateway.order()

            async def is_in_the_log() -> bool:
                return seq in orders_in(await cell.log())

            await until(is_in_the_log)
            assert seq not in gateway.acks, "acknowledged although no answer of etcd came through"
            wire.swallow_from, wire.swallowing = None, False
            wire.cut()
            await until(lambda: gateway.acknowledged(seq))
            await trade(gateway, 5)
            log = await cell.log()
            assert set(orders_in(log).values()) == {1}
            assert replayed(log).sessions.by_name["M001"].next_in == gateway.next_seq
            assert any(event["event"].startswith("append: no definite answer") for event in core.events())
            await cell.stop()

    in_a_cell(scenario)


def test_a_follower_that_missed_events_recovers_by_a_range(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        first = await cell.core("a/main", BOTH)
        await until(lambda: cell.leads(first))
        async with Wire(cell.etcd.port) as wire:
            await cell.core("b/main", BOTH, [wire.url])
            await until(lambda: cell.value("status/b:main"))
            gateway = await logged_on(cell)
            await trade(gateway, 5)
            wire.swallowing = True
            await trade(gateway, 200)
            wire.swallowing = False
            wire.cut()
            head = (await cell.log())[-1][0]

            async def caught_up() -> bool:
                status = await cell.value("status/b:main")
                return status is not None and status["head"] >= head

            await until(caught_up)
            await cell.stop()

    in_a_cell(scenario)


def test_a_deleted_entry_is_never_written_again(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        core = await cell.core("a/main", {"a/main": "automatic"})
        await until(lambda: cell.leads(core))
        gateway = await logged_on(cell)
        await trade(gateway, 5)
        epoch = (await cell.client.range(PREFIX + b"leader")).kvs[0].create_revision
        head = (await cell.log())[-1][0]
        await cell.client.delete(PREFIX + b"log/%016x" % head, PREFIX + b"log0")  # at once: the core appends meanwhile
        await until(lambda: cell.value("halt"))
        await until(cell.nobody_leads)  # the core steps down after it has written the halt
        log = await cell.log()
        gap = next(n for n in range(1, head + 40) if n not in dict(log))
        assert max(dict(log), default=0) < gap, f"written behind the missing entry {gap}"
        late = await cell.client.txn([create_revision_is(PREFIX + b"leader", epoch)], [put(PREFIX + b"log/x", b"")])
        assert not late.succeeded

    in_a_cell(scenario)


def test_a_planned_switch_under_load_loses_and_doubles_nothing(in_a_cell: RunIn, tmp_path: Path) -> None:
    async def scenario(cell: Cell) -> None:
        first, second = await two_cores(cell, program=patient_build(tmp_path / "patient"))
        gateway = await logged_on(cell)
        loading = True

        async def load() -> None:
            while loading and not gateway.ended:
                gateway.order()
                await asyncio.sleep(0.002)

        task = asyncio.create_task(load())
        await until(lambda: gateway.acknowledged(100))
        first.ctl("switch", "--to", second.id)
        await until(lambda: asyncio.sleep(0, gateway.ended))
        loading = False
        await task
        after = await cell.gateway(1)
        assert await cell.leader() == second.id
        unanswered = [seq for seq in range(1, gateway.next_seq) if seq not in gateway.acks]
        for seq in unanswered:
            after.order(seq)
        after.next_seq = gateway.next_seq
        last = await trade(after, 20)
        machine = replayed(await cell.log())
        assert machine.sessions.by_name["M001"].next_in == last + 1
        assert sorted(machine.sessions.by_name["M001"].known) == sorted(f"O{seq}" for seq in range(2, last + 1))
        assert (await cell.client.range(PREFIX + b"switch")).count == 0
        assert (await cell.client.range(PREFIX + b"handover")).count == 0

    in_a_cell(scenario)


def test_a_leader_key_that_was_won_unseen_is_dropped(in_a_cell: RunIn, tmp_path: Path) -> None:
    async def scenario(cell: Cell) -> None:
        core = await cell.core("a/main", {"a/main": "manual"}, program=patient_build(tmp_path / "patient"))
        status = await until(lambda: cell.value("status/a:main"))
        content = {"core": core.id, "kind": "main", "incarnation": status["incarnation"], "address": "127.0.0.1:1"}
        await cell.client.put(PREFIX + b"leader", json.dumps(content).encode())

        await until(cell.nobody_leads)
        core.ctl("takeover", core.id)
        await until(lambda: cell.leads(core))

    in_a_cell(scenario)


def test_a_hand_over_to_a_core_that_is_not_there_lapses(in_a_cell: RunIn) -> None:
    async def scenario(cell: Cell) -> None:
        cores = {**BOTH, "c/main": "automatic"}
        first = await cell.core("a/main", cores)
        await until(lambda: cell.leads(first))
        epoch = (await cell.client.range(PREFIX + b"leader")).kvs[0].create_revision
        first.ctl("switch", "--to", "c/main")

        async def leads_again() -> bool:
            kvs = (await cell.client.range(PREFIX + b"leader")).kvs
            return bool(kvs) and kvs[0].create_revision > epoch

        await until(leads_again)
        assert (await cell.client.range(PREFIX + b"handover")).count == 0

    in_a_cell(scenario)
