"""Who may campaign and when, how votes are counted, whose clock is wrong, and where the etcd leader belongs."""

import asyncio
import json
from collections import deque

import pytest
from dingli_core.appender import MAX_BATCH_COMMANDS, Pending, gather
from dingli_core.campaign import Candidate, campaign_delay_s, failover_limitation, generation_problem
from dingli_core.clock import clock_problem
from dingli_core.commands import Tick
from dingli_core.entry import MAX_ENTRY_BYTES, Entry, encode_entry
from dingli_core.judgement import count_votes
from dingli_core.keys import Keys
from dingli_core.placement import preferred_member
from dingli_core.view import CellView
from dingli_etcd import Client

from tests.unit.etcd.fake_member import FakeMember

MS = 1_000_000
ME = Candidate("b/main", 10, 10, True, None)
POLICY = {
    "revision": 1,
    "cores": {
        "a/main": {"kind": "main", "takeover": "automatic"},
        "b/main": {"kind": "main", "takeover": "automatic"},
        "c/main": {"kind": "main", "takeover": "manual"},
    },
}


def view_of(content: dict[str, str]) -> CellView:
    """What a core sees when the cell's keys hold this."""

    async def look() -> CellView:
        async with FakeMember(
            {f"/dingli/v1/alpha/{key}".encode(): value.encode() for key, value in content.items()}
        ) as member:
            client = Client([member.url], None, 2.0)
            view = CellView(client, Keys("alpha"))
            await view.poll()
            await client.close()
            return view

    return asyncio.run(look())


def with_policy(**content: str) -> CellView:
    return view_of({"policy": json.dumps(POLICY), **content})


def test_nothing_stands_against_a_healthy_automatic_core_while_nobody_leads() -> None:
    assert failover_limitation(with_policy(), ME) is None


@pytest.mark.parametrize(
    ("content", "me", "reason"),
    [
        ({"leader": '{"core": "a/main"}'}, ME, "a/main leads"),
        ({"halt": "{}"}, ME, "the cell is halted"),
        ({"quarantine/b:main": "{}"}, ME, "this core is quarantined"),
        ({"handover": "a/main"}, ME, "leadership is handed over to a/main"),
        ({}, Candidate("c/main", 10, 10, True, None), "takeover of this core is manual"),
        ({}, Candidate("d/main", 10, 10, True, None), "the policy does not name this core"),
        ({}, Candidate("b/main", 8, 10, True, None), "entries that it knows of are not applied yet"),
        ({}, Candidate("b/main", 0, None, True, None), "the log has not been read yet"),
        ({}, Candidate("b/main", 10, 10, True, "this clock is wrong"), "this clock is wrong"),
        ({}, Candidate("b/main", 10, 10, False, None), "there is no live lease"),
        (
            {},
            Candidate("b/main", 10, 10, True, None, generation_problem(1, 2)),
            "its configuration states generation 1",
        ),
    ],
)
def test_the_reason_against_a_campaign_is_named(content: dict[str, str], me: Candidate, reason: str) -> None:
    found = failover_limitation(with_policy(**content), me)
    assert found is not None
    assert found.startswith(reason)


def test_without_a_policy_nobody_campaigns() -> None:
    assert failover_limitation(view_of({}), ME) == "there is no policy key"


def test_a_hand_over_lets_a_manual_core_campaign_at_once() -> None:
    me = Candidate("c/main", 10, 10, True, None)
    view = with_policy(handover="c/main")
    assert failover_limitation(view, me) is None
    assert campaign_delay_s(view, me) == 0


def test_cores_of_lower_preference_and_with_more_lag_wait_longer() -> None:
    view = with_policy()
    assert campaign_delay_s(view, Candidate("a/main", 10, 10, True, None)) == 0
    assert campaign_delay_s(view, ME) == pytest.approx(0.150)
    assert campaign_delay_s(view, Candidate("b/main", 10, 30, True, None)) == pytest.approx(0.170)
    assert campaign_delay_s(view, Candidate("b/main", 10, 10**6, True, None)) == pytest.approx(1.150)


@pytest.mark.parametrize(
    ("votes", "right", "wrong"),
    [
        ({b"a": "1", b"b": "1", b"c": "2"}, "1", (b"c",)),
        ({b"a": "1", b"b": "2"}, None, ()),
        ({b"a": "1"}, None, ()),
        ({b"a": "1", b"b": "1", b"c": "2", b"d": "2"}, None, ()),
        ({b"a": "1", b"b": "2", b"c": "2", b"d": "2"}, "2", (b"a",)),
        ({}, None, ()),
    ],
)
def test_more_than_half_of_the_votes_and_at_least_two_are_right(
    votes: dict[bytes, str], right: str | None, wrong: tuple[bytes, ...]
) -> None:
    verdict = count_votes(votes)
    assert (verdict.right, verdict.wrong) == (right, wrong)


def test_a_clock_that_is_behind_most_others_is_wrong() -> None:
    assert clock_problem({"a": [-150 * MS] * 3, "b": [-140 * MS] * 3, "c": [5 * MS] * 3}) is not None


def test_a_clock_ahead_of_all_others_is_wrong_but_late_messages_of_one_host_prove_nothing() -> None:
    assert clock_problem({"a": [150 * MS] * 3, "b": [180 * MS] * 3}) is not None
    assert clock_problem({"a": [2 * MS] * 3, "b": [900 * MS] * 3}) is None
    assert clock_problem({"b": [900 * MS] * 3}) is None


def test_a_journal_that_delays_everybody_s_messages_makes_no_clock_wrong() -> None:
    late = {"a": [170 * MS] * 3, "b": [150 * MS] * 3}
    assert clock_problem(late, [140 * MS] * 3) is None
    assert clock_problem(late, [20 * MS] * 3) is not None


def test_the_etcd_leader_belongs_on_the_other_same_city_member() -> None:
    near = ["p-1", "s-1"]
    everyone = {"p-1", "s-1", "d-1"}
    assert preferred_member("p-1", "p-1", near, everyone) == "s-1"
    assert preferred_member("d-1", "s-1", near, everyone) == "p-1"
    assert preferred_member("s-1", "p-1", near, everyone) is None
    assert preferred_member("p-1", "p-1", near, {"p-1", "d-1"}) is None


def test_a_batch_takes_what_fits_into_one_entry_and_leaves_the_rest_in_order() -> None:
    queue = deque(Pending(bytes([number % 256]) * 4_000, Tick(2, 0), None) for number in range(100))
    commands = tuple(pending.encoded for pending in gather(queue))
    assert len(encode_entry(Entry(1, 1, 1, bytes(16), 1, bytes(32), commands))) <= MAX_ENTRY_BYTES
    assert [command[0] for command in commands] == list(range(65))
    assert [pending.encoded[0] for pending in queue] == list(range(65, 100))


def test_a_batch_of_small_commands_is_bounded_too() -> None:
    queue = deque(Pending(b"x", Tick(2, 0), None) for _ in range(1_000))
    assert len(gather(queue)) == MAX_BATCH_COMMANDS
