"""A core that cannot go on, or that the majority contradicts, is barred until an operator lifts it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dingli_minicore.codec import Command, Entry, Kind, encode_command, encode_entry
from dingli_minicore.machine import genesis

from tests.live.minicore.rig import CELL, CoreProcess, Journal, running
from tests.waiting import wait_for

ME, WRITER, OTHER = "one/minimal", "writer/main", "other/main"
TICK = Command(Kind.TICK, 0, "", 0, 0, 0, ())


def _entry(n: int, previous: bytes, epoch: int = 5, *commands: Command) -> Entry:
    start = Command(Kind.EPOCH_START, 0, "", 0, 0, 0, (WRITER,))
    return Entry(1, epoch, n, bytes(16), time.time_ns(), previous, commands or (start,))


def _write_with_a_vote(journal: Journal, entry: Entry, vote: str) -> None:
    """Append an entry with another core's vote about the hash before it: alone, the core would judge without that."""
    data = encode_entry(entry, [encode_command(each) for each in entry.commands])
    journal.put_all({f"log/{entry.n:016x}": data, f"votes/{entry.n - 1:016x}/{OTHER.replace('/', ':')}": vote})


def _follow_only(journal: Journal) -> None:
    journal.policy(one_minimal="manual", writer_main="automatic", other_main="automatic")


def test_an_entry_that_does_not_decode_quarantines_across_restarts(journal: Journal, tmp_path: Path) -> None:
    _follow_only(journal)
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        journal.write_entry(_entry(1, genesis(CELL)))
        wait_for(lambda: journal.status(ME).get("head") == 1)
        journal.put(f"log/{2:016x}", b"DJ\x01\x00 not an entry")
        marker = wait_for(lambda: journal.json("quarantine/one:minimal"))
        assert marker["core"] == ME
        assert marker["n"] == 2
        assert marker["reason"].startswith("exception at 2: MalformedError")
    with running(core):
        wait_for(lambda: journal.status(ME).get("role") == "quarantined")
        journal.delete(f"log/{2:016x}")
        journal.delete("quarantine/one:minimal")
        wait_for(lambda: journal.status(ME).get("role") == "follower")
        assert wait_for(lambda: journal.status(ME)["head"]) == 1


def test_a_quarantined_core_does_not_campaign(journal: Journal, tmp_path: Path) -> None:
    journal.policy(one_minimal="automatic")
    journal.put("quarantine/one:minimal", json.dumps({"core": ME, "n": 1, "reason": "test", "at_ns": 0}))
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        wait_for(lambda: journal.status(ME).get("role") == "quarantined")
        assert not journal.leader()
        journal.delete("quarantine/one:minimal")
        wait_for(lambda: journal.leader() == ME)


def test_a_leader_is_barred_by_another_hand(journal: Journal, tmp_path: Path) -> None:
    journal.policy(one_minimal="automatic")
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        wait_for(lambda: journal.status(ME).get("role") == "leader")
        journal.put("quarantine/one:minimal", json.dumps({"core": ME, "n": 1, "reason": "test", "at_ns": 0}))
        wait_for(lambda: not journal.leader())
        wait_for(lambda: journal.status(ME).get("role") == "quarantined")
        wait_for(lambda: core.metric("quarantined") == 1)
        assert core.metric("leading") == 0


def test_a_core_whose_hash_the_majority_rejects_is_quarantined(journal: Journal, tmp_path: Path) -> None:
    _follow_only(journal)
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        journal.write_entry(_entry(1, genesis(CELL)))
        wait_for(lambda: journal.status(ME).get("head") == 1)
        mine = journal.status(ME)["hash"]
        claimed = bytes(32)
        _write_with_a_vote(journal, _entry(2, claimed, 5, TICK), claimed.hex())
        vote = wait_for(lambda: journal.get(f"votes/{1:016x}/one:minimal"))
        assert vote.value.decode() == mine
        marker = wait_for(lambda: journal.json("quarantine/one:minimal"))
        assert marker["n"] == 2
        assert journal.get("quarantine/writer:main") is None
        assert journal.get(f"disputed/{5:016x}") is None
        wait_for(lambda: journal.status(ME).get("role") == "quarantined")
        assert journal.status(ME)["head"] < 2


def test_a_leader_whose_hash_the_majority_rejects_is_quarantined_and_its_entries_are_executed(
    journal: Journal, tmp_path: Path
) -> None:
    _follow_only(journal)
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        leader = {"core": WRITER, "kind": "main", "incarnation": "x", "address": ""}
        epoch = journal.put("leader", json.dumps(leader))
        journal.write_entry(_entry(1, genesis(CELL), epoch))
        wait_for(lambda: journal.status(ME).get("head") == 1)
        mine = journal.status(ME)["hash"]
        _write_with_a_vote(journal, _entry(2, bytes(32), epoch, TICK), mine)
        vote = wait_for(lambda: journal.get(f"votes/{1:016x}/one:minimal"))
        assert vote.value.decode() == mine
        wait_for(lambda: journal.status(ME).get("head") == 2)
        assert wait_for(lambda: journal.json("quarantine/writer:main"))["core"] == WRITER
        disputed = journal.get(f"disputed/{epoch:016x}")
        assert disputed is not None
        assert disputed.value == b"2"
        wait_for(lambda: journal.get("leader") is None)
        assert journal.get("quarantine/one:minimal") is None
        journal.put(f"votes/{1:016x}/writer:main", bytes(32).hex())
        wait_for(lambda: core.metric("hash_disagreements") == 1)


def test_without_a_majority_the_cell_halts(journal: Journal, tmp_path: Path) -> None:
    _follow_only(journal)
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        journal.write_entry(_entry(1, genesis(CELL)))
        journal.write_entry(_entry(2, bytes(32), 5, TICK))
        assert wait_for(lambda: journal.json("halt"))["n"] == 2
        wait_for(lambda: core.metric("halted") == 1)
        assert journal.get("quarantine/one:minimal") is None
        assert wait_for(lambda: journal.status(ME)["head"]) == 1


def test_a_leader_steps_down_when_the_cell_is_halted(journal: Journal, tmp_path: Path) -> None:
    journal.policy(one_minimal="automatic")
    core = CoreProcess(ME, tmp_path, journal.url)
    with running(core):
        wait_for(lambda: journal.status(ME).get("role") == "leader")
        journal.put("halt", json.dumps({"n": 1, "reason": "test"}))
        wait_for(lambda: not journal.leader())
        wait_for(lambda: journal.status(ME).get("role") == "follower")
        journal.delete("halt")
        wait_for(lambda: journal.leader() == ME)
