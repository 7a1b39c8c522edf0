"""A core that gives leadership up gives it up, whatever etcd says to it."""

import asyncio

import grpc
import pytest
from dingli_core.campaign import step_down
from dingli_core.keys import Keys
from dingli_etcd import Client

from tests.unit.etcd.fake_member import FakeMember

KEYS = Keys("alpha")
FULL, DENIED, AWAY = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE


def stepped_down(content: dict[bytes, bytes], *answers: grpc.StatusCode) -> tuple[list[int], list[str]]:
    """The leases that were revoked, and every call."""

    async def run() -> tuple[list[int], list[str]]:
        async with FakeMember(content) as member:
            member.answers.extend(answers)
            client = Client([member.url], None, 2.0)
            async with asyncio.timeout(20):
                await step_down(client, KEYS, epoch=1, handover="b/main")
            await client.close()
            return member.revoked, member.calls

    return asyncio.run(run())


@pytest.mark.parametrize("refusal", [FULL, DENIED])
def test_a_refusal_for_good_ends_the_lease_instead_of_being_asked_for_ever(refusal: grpc.StatusCode) -> None:
    revoked, _ = stepped_down({KEYS.leader: b"{}"}, refusal)
    assert revoked == [7]


def test_no_answer_is_asked_for_again_and_the_lease_stays() -> None:
    revoked, calls = stepped_down({KEYS.leader: b"{}"}, AWAY, AWAY)
    assert revoked == []
    assert calls.count("Txn") == 3


def test_without_a_leader_key_nothing_is_revoked() -> None:
    assert stepped_down({}, DENIED)[0] == []
