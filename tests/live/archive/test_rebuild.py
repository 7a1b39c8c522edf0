"""A journal is archived and its beginning removed from etcd: cores of both kinds are rebuilt as if nothing was lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dingli.archive import Bucket, BucketTrouble, Chain, Journal, archive_closed, journals, read_chain
from dingli.archive.fetching import fetch
from dingli.archive.placing import place
from dingli.archive.trimming import plan_trim
from dingli.environment import Archive
from drills.checker.journal import read_dump
from drills.checker.reference import Reference
from tests.live.archive.history import have_history
from tests.live.core.harness import PREFIX, Cell, CoreProcess, dumped, until
from tests.live.minicore.rig import CoreProcess as MinimalCore

RunIn = Callable[[Callable[[Cell], object]], None]
CORES = {"a/main": "automatic", "b/main": "manual", "m/minimal": "manual"}
TWO = {"a/main": "automatic", "b/main": "automatic"}
ENTRIES = 1_450
SIZE, SMALLER = 400, 100
HOUR_NS = 3_600 * 10**9


def run_here(words: list[str], stdin: str) -> str:
    """In place of a host's root shell."""
    return subprocess.run(words, input=stdin, capture_output=True, text=True, check=True).stdout


def chain_of(bucket: Bucket) -> Chain:
    (name,) = known = journals(bucket, "test", "alpha")
    return read_chain(bucket, name, "alpha", known[name])


async def first_in_etcd(cell: Cell) -> int:
    found = await cell.client.range(PREFIX + b"log/", PREFIX + b"log0", limit=1, keys_only=True)
    return int(found.kvs[0].key.rpartition(b"/")[2], 16)


async def same_hashes(core: CoreProcess) -> dict[str, str] | None:
    """Hash by core, once each core's is the one that the journal states for its head."""
    said: dict[str, Any] = json.loads(await asyncio.to_thread(core.ctl, "status"))
    hashes = {name: status["hash"] for name, status in said["cores"].items()}
    return hashes if said["claims"] == hashes and set(hashes) == set(CORES) else None


async def has_executed(cell: Cell, core: str, head: int, incarnation: str = "") -> bool:
    status = await cell.value("status/" + core.replace("/", ":"))
    return status is not None and status["head"] >= head and status["incarnation"] != incarnation


async def takes_over(cell: Cell, leader: CoreProcess, other: CoreProcess) -> bool:
    """Whether the other leads. A switch whose target stands still for half a second lapses: it is asked for again."""
    if await cell.leads(leader):
        await cell.client.put(PREFIX + b"switch", other.id.encode())
    return await cell.leads(other)


async def refused(core: CoreProcess, *arguments: str) -> str:
    with pytest.raises(AssertionError) as raised:
        await asyncio.to_thread(core.ctl, "trim", *arguments)
    return str(raised.value)


def test_cores_are_rebuilt_from_archive_and_tail(in_a_cell: RunIn, settings: Archive, tmp_path: Path) -> None:
    async def scenario(cell: Cell) -> None:
        next_seq = await have_history(cell, ENTRIES)
        leader = await cell.core("a/main", CORES)
        await until(lambda: cell.leads(leader), 30)
        other = await cell.core("b/main", CORES)
        minimal = MinimalCore("m/minimal", tmp_path, cell.etcd.url, lease_s=3)
        await asyncio.to_thread(minimal.start)
        try:
            await play(cell, next_seq, leader, other, minimal)
        finally:
            await asyncio.to_thread(minimal.stop)

    async def play(cell: Cell, next_seq: int, leader: CoreProcess, other: CoreProcess, minimal: MinimalCore) -> None:
        gateway = await cell.gateway(2)
        gateway.logon(next_seq)
        seq = gateway.order()
        await until(lambda: gateway.acknowledged(seq), 30)

        bucket = Bucket(settings)
        bucket.make()
        journal = Journal("alpha", lambda first, last: leader.ctl("dump", "--from", str(first), "--to", str(last)))
        outcome = await asyncio.to_thread(archive_closed, bucket, "test", journal, SIZE)
        assert outcome.last >= 3 * SIZE
        await until(lambda: same_hashes(leader), 60)
        chain = chain_of(bucket)
        assert (chain.whole, chain.findings, chain.last) == (True, [], outcome.last)

        # Long after: everything but the newest segment is old enough, and all cores are far beyond it.
        plan = plan_trim(chain, 1, time.time_ns() + 2 * HOUR_NS)
        assert plan.to == outcome.last - SIZE
        head = str((await cell.log())[-1][0])
        too_many = await refused(leader, "--to", head, "--hash", plan.hash, "--older-than-s", "0")
        assert "not known to have executed" in too_many
        links = [link for link in plan.links if link.header.last <= SIZE]
        to, hash_ = str(links[-1].header.last), chain.links[len(links)].header.hash_before
        assert "younger than" in await refused(leader, "--to", to, "--hash", hash_, "--older-than-s", "1000000000")
        assert "another hash" in await refused(leader, "--to", to, "--hash", "00" * 32, "--older-than-s", "0")
        await cell.client.put(PREFIX + b"halt", b"{}")
        assert "not well" in await refused(leader, "--to", to, "--hash", hash_, "--older-than-s", "0")
        await until(cell.nobody_leads)  # or it would step down after it has been seen to lead
        await cell.client.delete(PREFIX + b"halt")
        await until(lambda: cell.leads(leader), 30)
        assert await first_in_etcd(cell) == 1

        archive = str(tmp_path / "archive")
        assert place(bucket, links, archive, run_here) == len(links)
        assert place(bucket, links, archive, run_here) == 0
        words = ("--to", to, "--hash", hash_, "--older-than-s", "0")
        assert json.loads(await asyncio.to_thread(leader.ctl, "trim", *words))["removed"] == int(to)
        assert json.loads(await asyncio.to_thread(leader.ctl, "trim", *words))["removed"] == 0
        assert await first_in_etcd(cell) == int(to) + 1

        # The cores that run have lost nothing; those that begin anew find the same by other ways.
        reached = (await cell.log())[-1][0]
        before = {core: (await cell.value(f"status/{core.replace('/', ':')}") or {})["incarnation"] for core in CORES}
        await asyncio.to_thread(other.stop)
        await asyncio.to_thread(minimal.stop)
        other.start()
        await asyncio.to_thread(minimal.start)
        await until(lambda: has_executed(cell, "b/main", reached, before["b/main"]), 60)
        await until(lambda: has_executed(cell, "m/minimal", reached, before["m/minimal"]), 60)
        hashes = await until(lambda: same_hashes(leader), 60)
        assert set(hashes) == set(CORES)
        assert await cell.leader() == "a/main"
        assert (await cell.value("status/a:main") or {})["incarnation"] == before["a/main"]

        # The rebuilt core leads, the member goes on with its number, and the archive behind the removed part.
        other.ctl("switch", "--to", "b/main")
        await until(lambda: takes_over(cell, leader, other), 60)
        again = await cell.gateway(2)
        again.next_seq = gateway.next_seq
        seq = again.order()
        await until(lambda: again.acknowledged(seq), 30)
        assert again.acks[seq] == 0
        later = await asyncio.to_thread(archive_closed, bucket, "test", journal, SMALLER)
        assert later.last > outcome.last
        assert later.doubts == ()

        # The checker's reference, with code of its own, comes to the cores' hash from archive and tail.
        folder = tmp_path / "fetched"
        fetch(bucket, chain_of(bucket), folder)
        dump = tmp_path / "journal.jsonl"
        dump.write_text(await asyncio.to_thread(leader.ctl, "dump"))
        assert dumped(dump.read_text())[0][0] == int(to) + 1
        reference, entries = Reference("alpha"), read_dump(dump, folder)
        claimed = {n: raw[48:80] for n, raw in enumerate(entries.entries, start=1)}
        for n, raw in enumerate(entries.entries, start=1):
            assert claimed[n] == reference.hash
            reference.apply(raw)
        assert reference.head == entries.head > reached

    in_a_cell(scenario)


def test_a_core_without_the_segments_neither_leads_nor_halts_the_cell(
    in_a_cell: RunIn, settings: Archive, tmp_path: Path
) -> None:
    async def scenario(cell: Cell) -> None:
        leader = await cell.core("a/main", TWO)
        await until(lambda: cell.leads(leader), 30)

        async def has_gone_on() -> bool:
            return len(await cell.log()) > 3  # without entry 2 it could not write entry 3

        await until(has_gone_on)
        await cell.client.delete(PREFIX + b"log/%016x" % 1, PREFIX + b"log/%016x" % 3)
        lost = await cell.core("b/main", TWO)

        async def tells() -> bool:
            events = [event for event in lost.events() if "archived entries" in event["event"]]
            return any("entry 1 is neither" in event["reason"] for event in events)

        await until(tells, 30)
        await asyncio.to_thread(leader.stop)

        async def may_not() -> bool:
            events = [event for event in lost.events() if event["event"] == "may not campaign"]
            return bool(events) and events[-1]["reason"] == "the log has not been read yet"

        await until(cell.nobody_leads, 30)
        await until(may_not, 30)
        assert await cell.value("halt") is None

    in_a_cell(scenario)


def test_a_stranger_to_the_ca_is_not_talked_to(settings: Archive) -> None:
    with pytest.raises(BucketTrouble, match="certificate"):
        Bucket(settings.model_copy(update={"ca": None})).require()
    with pytest.raises(BucketTrouble, match="no bucket"):
        Bucket(settings).require()
