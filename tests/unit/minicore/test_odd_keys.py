"""Small keys that others wrote, wrongly: what cannot be read counts as the protocol says, and ends nothing."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from dingli_minicore.election import failover_limitation
from dingli_minicore.etcd import Kv
from dingli_minicore.keys import Keys, View

from tests.conftest import Fuzz

ME = "b/minimal"
KEYS = Keys("alpha", ME)
GOOD = {
    KEYS.leader: b'{"core": "a/main", "kind": "main", "incarnation": "1", "address": "h:1"}',
    KEYS.policy: json.dumps({"revision": 1, "cores": {ME: {"kind": "minimal", "takeover": "automatic"}}}).encode(),
    KEYS.handover: b"a/main",
    KEYS.switch: b"a/main",
    KEYS.vote(1): b"0f" * 32,
    KEYS.disputed(1): b"7",
}
STATUS = {KEYS.status: b'{"time_ns": 1, "head": 2}'}
WRONG = [
    b"", b"\xff", b"null", b"[1]", b"-1", b"{", b"{}", b"[" * 90_000, b"1" * 9_000, b"0x7", b'{"core": null}', b"a b",
    b'{"revision": 1, "cores": [1]}', b'{"revision": 1, "cores": {"x": 1}}', b'{"revision": true, "cores": {}}',
    b'{"revision": 1, "cores": {"x": {"takeover": "perhaps"}}}', b'{"time_ns": "1", "head": 1}',
    b'{"time_ns": 1, "head": -1}',
    b'{"core": "a/main", "incarnation": 1, "address": "h:1"}',
    b'{"core": "a/main", "incarnation": "1", "address": ["h"]}',
]  # fmt: skip


def kv(key: str, value: bytes, revision: int = 5) -> Kv:
    return Kv(key, value, 3, revision, 1)


def viewed(content: dict[str, bytes]) -> View:
    view = View(KEYS)
    view.replace([kv(key, value) for key, value in content.items()], 9)
    return view


def ask_everything(view: View, statuses: dict[str, bytes]) -> object:
    told = tuple(kv(*each) for each in statuses.items())
    asked = (view.leader, view.policy, view.handover, view.switch, view.votes(), view.disputes(1, 9), view.halted)
    return (
        asked,
        failover_limitation(view, ME, 0, True, None),
        view.pulses(told),
    )


def test_what_cores_write_can_be_read() -> None:
    view = viewed(GOOD)
    ask_everything(view, STATUS)
    assert view.unreadable == 0
    assert view.votes() == {1: {KEYS.me: bytes.fromhex("0f" * 32)}}


@pytest.mark.parametrize("key", [*GOOD, *STATUS])
def test_a_wrong_value_is_counted_and_ends_nothing(key: str) -> None:
    for value in WRONG:
        view = viewed({**GOOD, key: value} if key in GOOD else GOOD)
        ask_everything(view, {**STATUS, key: value} if key in STATUS else STATUS)
        is_name = key in (KEYS.handover, KEYS.switch) and value.isascii() and b" " not in value and 0 < len(value) < 256
        assert view.unreadable == (not is_name), (key, value[:80])


def test_what_cannot_be_read_counts_as_the_protocol_says() -> None:
    unknown = viewed({**GOOD, KEYS.leader: b"?"}).leader
    assert unknown is not None
    assert unknown.epoch == 3
    assert failover_limitation(viewed({KEYS.policy: b"?"}), ME, 0, True, None) == "the policy does not name this core"
    assert failover_limitation(viewed({KEYS.policy: GOOD[KEYS.policy]}), ME, 0, True, None) is None
    handed = viewed({KEYS.policy: GOOD[KEYS.policy], KEYS.handover: b"\xff"})
    assert "handed over" in str(failover_limitation(handed, ME, 0, True, None))
    assert not viewed({KEYS.disputed(1): b"0x1"}).disputes(1, 9)
    assert viewed({KEYS.halt: b"\xff"}).halted


def test_a_key_that_was_mended_is_read_and_counted_no_more() -> None:
    view = viewed({KEYS.policy: b"?"})
    assert view.policy is not None
    assert (view.policy.cores, view.unreadable) == ({}, 1)
    view.replace([kv(KEYS.policy, GOOD[KEYS.policy], 6)], 10)
    assert (view.policy.cores, view.unreadable) == ({ME: "automatic"}, 0)
    view.replace([], 11)
    assert view.unreadable == 0


@pytest.mark.parametrize("name", ["", "x", "1/a", f"{1:016x}/", f"{1:016x}/a b", f"{10:016X}/a", f"{1:016x}/\udcff"])
def test_odd_names_are_no_votes(name: str) -> None:
    view = viewed({f"{KEYS.base}votes/{name}": b"0f" * 32})
    assert view.votes() == {}
    assert view.unreadable == 1


@pytest.mark.parametrize("name", ["", "1", f"{1:016x}0", f"{1:016x} ", f"{10:016X}", "0000000000000_01", "\udcff"])
def test_odd_names_are_no_entries(name: str) -> None:
    assert KEYS.log_number(f"{KEYS.base}log/{name}") is None
    assert KEYS.log_number(KEYS.log(10)) == 10


def test_a_name_that_is_no_text_comes_and_goes_unchanged() -> None:
    raw = b"/dingli/v1/alpha/\xff"
    assert Kv.of({"key": b64encode(raw).decode()}).key.encode(errors="surrogateescape") == raw


def test_a_thousand_changed_keys_end_nothing(fuzz: Fuzz) -> None:
    for case in fuzz.cases(1000):
        source, content, statuses = fuzz.random(case), dict(GOOD), dict(STATUS)
        for _ in range(3):
            target = source.choice([content, content, statuses])
            key, data = source.choice(list(target)), bytearray(source.choice(list(GOOD.values())))
            for _ in range(source.randrange(1, 6)):
                at = source.randrange(len(data) + 1)
                data[at : at + source.randrange(4)] = source.randbytes(source.randrange(3))
            target[key + source.choice(["", "", "x", "\udcff", "/"])] = bytes(data)
        with fuzz.naming(case, content):
            ask_everything(viewed(content), statuses)
