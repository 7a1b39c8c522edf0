"""The client tells unknown outcomes from definite ones, keeps its deadlines, and moves on to another member."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from dingli_etcd import (
    Client,
    ConfigurationError,
    DefiniteError,
    LeaseNotFoundError,
    OutcomeUnknownError,
    TlsFiles,
    WatchBrokenError,
    WatchCancelledError,
    WatchCompactedError,
)
from dingli_etcd import etcd_pb2 as pb
from dingli_etcd.operations import is_absent, put

from tests.unit.etcd.fake_member import FakeMember

KEY = b"/k"
Scenario = Callable[[Client, FakeMember, FakeMember], Awaitable[None]]


def with_two_members(scenario: Scenario, timeout_s: float = 30.0) -> None:
    async def run() -> None:
        async with FakeMember({KEY: b"first"}) as first, FakeMember({KEY: b"second"}) as second:
            client = Client([first.url, second.url], None, timeout_s)
            await scenario(client, first, second)
            await client.close()

    asyncio.run(run())


async def written(client: Client) -> None:
    await client.txn([is_absent(KEY)], [put(KEY, b"x")])


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_write_without_a_definite_answer_is_unknown_and_is_not_sent_again_by_itself(code: grpc.StatusCode) -> None:
    async def scenario(client: Client, first: FakeMember, second: FakeMember) -> None:
        first.answers.append(code)
        with pytest.raises(OutcomeUnknownError):
            await written(client)
        assert (first.calls, second.calls) == (["Txn"], [])
        await client.range(KEY)
        assert second.calls == ["Range"], "the next call goes to another member"

    with_two_members(scenario)


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_refused_write_is_definite_and_the_member_stays_preferred(code: grpc.StatusCode) -> None:
    async def scenario(client: Client, first: FakeMember, second: FakeMember) -> None:
        first.answers.append(code)
        with pytest.raises(DefiniteError) as refused:
            await written(client)
        assert refused.value.code == code.name
        await client.range(KEY)
        assert second.calls == []

    with_two_members(scenario)


def test_a_write_that_takes_longer_than_the_deadline_is_unknown() -> None:
    async def scenario(client: Client, first: FakeMember, _second: FakeMember) -> None:
        first.answers.append(5.0)
        started = time.monotonic()
        with pytest.raises(OutcomeUnknownError):
            await written(client)
        assert time.monotonic() - started < 4.5, "it waited for the answer"

    with_two_members(scenario, timeout_s=0.2)


def test_a_read_goes_on_at_the_next_member() -> None:
    async def scenario(client: Client, first: FakeMember, _second: FakeMember) -> None:
        first.answers.append(grpc.StatusCode.UNAVAILABLE)
        assert (await client.range(KEY)).kvs[0].value == b"second"

    with_two_members(scenario)


def test_own_site_is_asked_first() -> None:
    async def scenario(client: Client, _first: FakeMember, _second: FakeMember) -> None:
        assert (await client.range(KEY)).kvs[0].value == b"first"

    with_two_members(scenario)


def test_a_lease_without_time_to_live_is_gone() -> None:
    async def scenario(client: Client, _first: FakeMember, _second: FakeMember) -> None:
        assert await client.lease_keep_alive(3) == 3
        with pytest.raises(LeaseNotFoundError):
            await client.lease_keep_alive(0)

    with_two_members(scenario)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (pb.WatchResponse(canceled=True, compact_revision=9), WatchCompactedError),
        (pb.WatchResponse(canceled=True, cancel_reason="no leader"), WatchCancelledError),
        (None, WatchBrokenError),
    ],
)
def test_a_watch_says_how_it_ended(response: pb.WatchResponse | None, error: type[Exception]) -> None:
    async def scenario(client: Client, first: FakeMember, _second: FakeMember) -> None:
        event = pb.Event(kv=pb.KeyValue(key=KEY, value=b"v", mod_revision=5))
        first.watch_responses = [pb.WatchResponse(header=pb.ResponseHeader(revision=5), events=[event])]
        if response is not None:
            first.watch_responses.append(response)
        seen: list[bytes] = []

        async def watch() -> None:
            async for batch in client.watch(KEY, b"/l", 4):
                seen.extend(found.kv.value for found in batch)

        with pytest.raises(error):
            await watch()
        assert seen == [b"v"]
        assert first.watch_starts == [4]

    with_two_members(scenario)


def test_clear_text_is_only_for_loopback_and_tls_needs_its_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigurationError, match="only loopback"):
            Client(["http://198.18.1.11:2379"], None, 1.0)
        with pytest.raises(ConfigurationError, match="needs TLS"):
            Client(["https://198.18.1.11:2379"], None, 1.0)
        missing = tmp_path / "ca.crt"
        with pytest.raises(ConfigurationError, match="cannot read"):
            Client(["https://198.18.1.11:2379"], TlsFiles(missing, missing, missing), 1.0)

    asyncio.run(scenario())
