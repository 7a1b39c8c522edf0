"""Following the log: whatever a watch loses, doubles or forgets, every entry is applied once and in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
from dingli_core.commands import TICK, Tick, encode_command
from dingli_core.entry import Entry, encode_entry
from dingli_core.keys import Keys
from dingli_core.replica import Replica
from dingli_core.segments import Segments
from dingli_core.tail import LogTail
from dingli_etcd import Client
from dingli_etcd import etcd_pb2 as pb

from dingli.archive import pack
from dingli.archive.segment import NOTHING_BEFORE
from tests.unit.etcd.fake_member import FakeMember

KEYS = Keys("alpha")
Scenario = Callable[[FakeMember, Replica], Awaitable[None]]


def entries(count: int) -> list[bytes]:
    """The first entries of a log of ticks."""
    replica = Replica("alpha")
    raws = []
    for n in range(1, count + 1):
        entry = Entry(1, 1, n, bytes(16), n, replica.machine.hash, (encode_command(Tick(TICK, 0)),))
        raws.append(encode_entry(entry))
        replica.apply_raw(raws[-1], lambda _: None)
    return raws


RAW = entries(5)


def put(n: int) -> pb.Event:
    return pb.Event(kv=pb.KeyValue(key=KEYS.log(n), value=RAW[n - 1], mod_revision=n))


def deletion(n: int) -> pb.Event:
    return pb.Event(type=pb.Event.DELETE, kv=pb.KeyValue(key=KEYS.log(n), mod_revision=n + 10))


def told(*events: pb.Event) -> pb.WatchResponse:
    return pb.WatchResponse(header=pb.ResponseHeader(revision=9), events=events)


def stored(member: FakeMember, *numbers: int) -> None:
    member.content.update({KEYS.log(n): RAW[n - 1] for n in numbers})


def following(scenario: Scenario, segments: Segments | None = None, begins: int = 1) -> None:
    async def run() -> None:
        async with FakeMember() as member:
            stored(member, begins)
            client, replica = Client([member.url], None, 1.0), Replica("alpha")

            async def apply(raw: bytes) -> None:
                replica.apply_raw(raw, lambda _: None)

            tail = LogTail(client, KEYS, replica, apply, lambda: None, segments)
            member.watch_stays_open = True
            task = asyncio.create_task(tail.follow())
            try:
                await scenario(member, replica)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await client.close()

    asyncio.run(run())


async def reaches(replica: Replica, head: int) -> None:
    end = time.monotonic() + 5
    while replica.head < head:
        assert time.monotonic() < end, f"stayed at {replica.head}, expected {head}"
        await asyncio.sleep(0.005)


def test_a_watch_that_fell_silent_is_made_good_by_a_range() -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        await reaches(replica, 1)
        stored(member, 2, 3)
        await reaches(replica, 3)

    following(scenario)


def test_an_event_beyond_the_next_entry_leads_to_a_range() -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        stored(member, 1, 2, 3)
        member.content.pop(KEYS.log(2))
        member.watch_responses = [told(put(3))]
        await reaches(replica, 1)
        await asyncio.wait_for(member.watched.wait(), 5)
        assert replica.head == 1, "an entry was skipped"
        stored(member, 2)
        await reaches(replica, 3)

    following(scenario)


def test_doubled_events_and_deletions_change_nothing() -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        member.watch_responses = [told(put(1), put(2)), told(put(2), deletion(2), deletion(3)), told(put(3))]
        await reaches(replica, 3)
        assert replica.newest_known == 3

    following(scenario)


def test_an_etcd_that_was_away_does_not_make_pages_small_for_ever() -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        await reaches(replica, 1)
        member.limits.clear()
        member.answers.extend([grpc.StatusCode.UNAVAILABLE] * 10)
        end = time.monotonic() + 10
        while not member.limits or member.limits[-1] < 500:
            assert time.monotonic() < end, f"pages of {member.limits}"
            await asyncio.sleep(0.02)
        assert min(member.limits) < 500

    following(scenario)


def test_after_a_compacted_watch_it_watches_from_the_range_s_revision() -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        member.watch_responses = [pb.WatchResponse(canceled=True, compact_revision=90)]
        await reaches(replica, 1)
        await asyncio.wait_for(member.watched.wait(), 5)
        member.watch_responses = []
        stored(member, 2)
        await reaches(replica, 2)
        assert set(member.watch_starts) == {2}, "the revision of the range's response, which is 1 here, plus 1"

    following(scenario)


def test_entries_that_the_log_lacks_come_from_segments(tmp_path: Path) -> None:
    async def scenario(member: FakeMember, replica: Replica) -> None:
        stored(member, 5)
        await reaches(replica, 5)
        assert replica.machine.hash == entries_hash(5)

    for first, last in ((1, 2), (3, 4)):
        file_of(tmp_path, first).write_bytes(pack("alpha", RAW[first - 1 : last], NOTHING_BEFORE))
    following(scenario, Segments(tmp_path, "alpha"), begins=4)


def test_without_the_segment_it_waits_and_goes_on_when_the_segment_comes(tmp_path: Path) -> None:
    whole = pack("alpha", RAW[:3], NOTHING_BEFORE)

    async def scenario(member: FakeMember, replica: Replica) -> None:
        for useless in (b"", whole[:-9], whole[:99] + whole[98:], pack("beta", RAW[:3], NOTHING_BEFORE)):
            file_of(tmp_path, 1).write_bytes(useless)
            reads = len(member.limits)
            while len(member.limits) < reads + 3:
                await asyncio.sleep(0.005)
            assert replica.head == 0
        file_of(tmp_path, 1).write_bytes(whole)
        await reaches(replica, 4)

    following(scenario, Segments(tmp_path, "alpha"), begins=4)


def file_of(folder: Path, first: int) -> Path:
    return folder / f"{first:016x}.segment"


def entries_hash(count: int) -> bytes:
    replica = Replica("alpha")
    for raw in RAW[:count]:
        replica.apply_raw(raw, lambda _: None)
    return replica.machine.hash
