"""Who campaigns, when, and how votes are judged."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from dingli_minicore.election import Ballot, ClockCheck, campaign_delay_s, failover_limitation, judge
from dingli_minicore.etcd import Kv
from dingli_minicore.keys import Keys, View
from dingli_minicore.placement import choose_member
from dingli_minicore.replica import Replica

ME = "one/minimal"
KEYS = Keys("alpha", ME)


def _view(**keys: str) -> View:
    """Small keys by the last part of their names; a policy of three cores unless it is given."""
    cores = {"zero/main": "automatic", "hand/main": "manual", ME: "automatic"}
    policy = {"revision": 1, "cores": {core: {"kind": "main", "takeover": each} for core, each in cores.items()}}
    view = View(KEYS)
    kvs = {"policy": json.dumps(policy), **keys}
    view.replace(
        [Kv(KEYS.base + key.replace("_", "/"), value.encode(), 3, 4, 0) for key, value in kvs.items() if value], 9
    )
    return view


def _limitation(
    view: View, core: str = ME, behind: int = 0, alive: bool = True, clock: str | None = None
) -> str | None:
    return failover_limitation(view, core, behind, alive, clock)


def test_a_core_at_the_head_may_campaign() -> None:
    assert _limitation(_view()) is None


def test_every_reason_against_a_campaign_is_told() -> None:
    leader = json.dumps({"core": "zero/main", "kind": "main", "incarnation": "x", "address": ""})
    assert _limitation(_view(leader=leader)) == "zero/main leads"
    assert _limitation(_view(halt="{}")) == "the cell is halted"
    assert _limitation(_view(policy="")) == "the policy does not name this core"
    assert _limitation(_view(), core="stranger/main") == "the policy does not name this core"
    assert _limitation(_view(handover="zero/main")) == "leadership is handed over to zero/main"
    assert _limitation(_view(), core="hand/main") == "this core takes over by hand only"
    assert _limitation(_view(), behind=3) == "3 entries are not applied"
    assert _limitation(_view(), alive=False) == "the lease is not alive"
    assert _limitation(_view(), clock="off") == "off"
    assert _limitation(_view(**{"quarantine_one:minimal": "{}"})) == "this core is quarantined"


def test_a_hand_over_allows_a_core_that_takes_over_by_hand() -> None:
    assert _limitation(_view(handover="hand/main"), core="hand/main") is None


def test_a_core_waits_for_those_before_it_and_for_its_lag() -> None:
    assert campaign_delay_s(_view(), "zero/main", 0) == 0
    assert campaign_delay_s(_view(), ME, 0) == pytest.approx(0.15)
    assert campaign_delay_s(_view(), ME, 20) == pytest.approx(0.17)
    assert campaign_delay_s(_view(), "zero/main", 5000) == 1.0
    assert campaign_delay_s(_view(handover=ME), ME, 0) == 0


def test_events_older_than_the_last_read_change_nothing() -> None:
    view = _view(halt="{}")
    view.update(Kv(KEYS.halt, b"", 0, 9, 0), deleted=True)
    assert view.halted
    view.update(Kv(KEYS.halt, b"", 0, 10, 0), deleted=True)
    assert not view.halted


def test_a_hash_needs_more_than_half_of_the_votes_and_two() -> None:
    right, wrong = b"r" * 32, b"w" * 32
    assert judge(5, 1, wrong, {"a": right, "b": right, "c": wrong}).wrong == ("c",)
    assert judge(5, 1, wrong, {"a": right, "b": right, "c": wrong}).entry_is_wrong
    assert not judge(5, 1, right, {"a": right, "b": right, "c": wrong}).entry_is_wrong
    assert judge(5, 1, right, {"a": right, "b": wrong}).right is None
    assert judge(5, 1, right, {"a": right}).right is None
    assert judge(5, 1, right, {"a": right, "b": right, "c": wrong, "d": wrong}).right is None


def test_a_clock_is_distrusted_only_when_it_is_surely_off() -> None:
    check = ClockCheck()
    assert check.limitation() is None
    for tenth in range(30):
        now = 1_000_000 + tenth / 10
        check.add(0, now, now + 0.01, formatdate(int(now), usegmt=True))
    assert check.limitation() is None
    check.add(1, 1_000_000.0, 1_000_000.01, formatdate(1_000_002, usegmt=True))
    assert "off by" in str(check.limitation())


def test_the_etcd_leader_belongs_on_another_host_of_the_city() -> None:
    city = ("one", "two", "three")
    assert choose_member("one", city, "one", ["one", "two", "remote"]) == "two"
    assert choose_member("one", city, "remote", ["one", "three", "remote"]) == "three"
    assert choose_member("one", city, "two", ["one", "two", "three"]) is None
    assert choose_member("one", city, "one", ["one", "remote"]) is None
    assert choose_member("one", (), "one", ["one", "two"]) is None


def _one_bad_vote_about_an_old_entry() -> tuple[Ballot, View]:
    """A defective core replays from the beginning and votes about entry 4; nobody else keeps so old a hash."""
    replica = Replica("alpha")
    replica.claims[5] = (b"claimed", 1)
    replica.leaders[1] = "zero/main"
    return Ballot(KEYS.me, replica), _view(**{f"votes_{4:016x}_bad:main": (b"other" * 8)[:32].hex()})


def test_cores_that_went_on_count_for_what_they_executed() -> None:
    ballot, view = _one_bad_vote_about_an_old_entry()
    heads = {"zero:main": 90_000, "hand:main": 90_000, KEYS.me: 90_000, "bad:main": 4}
    (verdict,) = ballot.verdicts(view, heads, now_s=0.0)
    assert (verdict.right, verdict.wrong) == (b"claimed", ("bad:main",))


def test_cores_that_stand_before_the_entry_count_for_nothing() -> None:
    ballot, view = _one_bad_vote_about_an_old_entry()
    heads = {"zero:main": 90_000, "hand:main": 4, KEYS.me: 4, "bad:main": 4}
    assert ballot.verdicts(view, heads, now_s=0.0) == [], "two have not voted yet"
    (verdict,) = ballot.verdicts(view, heads, now_s=3.0)
    assert verdict.right is None
