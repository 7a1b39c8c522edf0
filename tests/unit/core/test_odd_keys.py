"""What others wrote beside the cores is read strictly or counts as the protocol says; it ends no process."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from dingli_core.campaign import Candidate, failover_limitation
from dingli_core.clock import ClockComparison
from dingli_core.keys import Keys
from dingli_core.reading import unreadable
from dingli_core.replica import Replica
from dingli_core.tail import LogTail
from dingli_core.view import CellView
from dingli_etcd import Client
from dingli_etcd import etcd_pb2 as pb

from tests.conftest import Fuzz
from tests.unit.core.test_tail import RAW
from tests.unit.etcd.fake_member import FakeMember

KEYS = Keys("alpha")
POLICY = json.dumps({"revision": 1, "cores": {"a/main": {"kind": "main", "takeover": "automatic"}}}).encode()
STATUS = json.dumps({"core": "a/main", "time_ns": 1, "head": 0}).encode()
LEADER = json.dumps({"core": "a/main", "address": "h:1", "incarnation": "x"}).encode()
READABLE = {
    KEYS.leader: LEADER,
    KEYS.policy: POLICY,
    KEYS.handover: b"a/main",
    KEYS.switch: b"a/main",
    KEYS.status("a/main"): STATUS,
    KEYS.vote(1, "a/main"): b"0" * 64,
    KEYS.disputed(1): b"7",
    KEYS.quarantine("a/main"): b"whatever",
    KEYS.halt: b"\xff",
}
ODD_VALUES = [
    b"", b"\xff\xfe", b"null", b"[]", b"1", b'"a"', b"{}", b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5_000, b"NaN",
    b'{"core": 1}', b'{"core": "\\ud800"}', b'{"cores": []}', b'{"revision": "x", "cores": {}}', b'{"revision": 1e999}',
    b'{"revision": 1, "cores": {"a": 1}}', b'{"revision": 1, "cores": {"\xc3\xa9": {"takeover": "manual"}}}',
    b'{"revision": 1, "cores": {"a": {"takeover": []}}}', b'{"core": "a/main", "time_ns": "x", "head": null}',
    b'{"core": "a/main", "time_ns": -1, "head": 1}', b'{"core": "a/main", "time_ns": true, "head": 1}', b"-1", b"0x1",
    " ١".encode(),
]  # fmt: skip
ODD_NAMES = [b"votes/", b"votes/x", b"votes/1/a", b"votes/%016x/" % 1, b"votes/%016x/\xff" % 1, b"votes/%016X/a" % 10]
ME = Candidate("a/main", 0, 0, True, None)


def viewed(content: Mapping[bytes, bytes]) -> CellView:
    """A view of a journal that holds this."""

    async def read() -> CellView:
        async with FakeMember() as member:
            member.content.update(content)
            client = Client([member.url], None, 5.0)
            view = CellView(client, KEYS)
            await view.poll()
            await client.close()
            return view

    return asyncio.run(read())


async def unconnected() -> Client:
    return Client(["http://127.0.0.1:1"], None, 1.0)


def ask_everything(view: CellView) -> None:
    view.leader()
    view.policy()
    view.handover()
    view.switch()
    view.votes()
    view.disputed_from(1)
    view.fresh_cores()
    view.statuses()
    view.quarantined("a/main")
    failover_limitation(view, ME)
    ClockComparison(view, "a/main").problem()


def test_what_cores_write_can_be_read() -> None:
    assert unreadable(KEYS, READABLE) == []


@pytest.mark.parametrize("key", sorted(READABLE), ids=lambda key: key.decode())
def test_odd_values_end_nothing_and_are_counted(key: bytes) -> None:
    for value in ODD_VALUES:
        view = viewed({**READABLE, key: value})
        ask_everything(view)
        assert view.unreadable <= 1
        if key not in (KEYS.quarantine("a/main"), KEYS.halt, KEYS.handover, KEYS.switch):
            readable = value == b"1" if key == KEYS.disputed(1) else key == KEYS.leader and b"a/main" in value
            assert view.unreadable == (not readable), (key, value)


def test_odd_names_are_no_votes_and_no_entries() -> None:
    view = viewed({KEYS.prefix + name: b"0" * 64 for name in ODD_NAMES})
    ask_everything(view)
    assert view.votes() == {}
    assert view.unreadable == len(ODD_NAMES)


def test_a_leader_that_cannot_be_read_leads_and_a_policy_that_cannot_be_read_names_nobody() -> None:
    limitation = failover_limitation(viewed({KEYS.leader: b"?", KEYS.policy: POLICY}), ME)
    assert limitation is not None
    assert "unreadable leader key" in limitation
    assert failover_limitation(viewed({KEYS.policy: b"?"}), ME) == "the policy does not name this core"


def test_a_thousand_changed_keys_end_nothing(fuzz: Fuzz) -> None:
    views = asyncio.Runner()
    client = views.run(unconnected())
    for case in fuzz.cases(1000):
        source, content = fuzz.random(case), dict(READABLE)
        for _ in range(3):
            key, data = source.choice(list(READABLE)), bytearray(READABLE[source.choice(list(READABLE))])
            for _ in range(source.randrange(1, 6)):
                at = source.randrange(len(data) + 1)
                data[at : at + source.randrange(4)] = source.randbytes(source.randrange(3))
            content[key + source.choice([b"", b"", b"x", b"\xff", b"/"])] = bytes(data)
        view = CellView(client, KEYS)
        view._kvs = {key: pb.KeyValue(key=key, value=value, mod_revision=1) for key, value in content.items()}
        with fuzz.naming(case, content):
            ask_everything(view)
            view._note_change()
    views.run(client.close())
    views.close()


def test_the_log_is_followed_through_keys_that_are_no_entries() -> None:
    async def scenario() -> None:
        async with FakeMember() as member:
            member.content.update({KEYS.log(n): RAW[n - 1] for n in (1, 2, 3)})
            member.content.update({KEYS.log(1) + b"%04d" % n: b"x" for n in range(600)})  # more than a page
            member.content.update({KEYS.log_prefix + name: b"x" for name in (b"zz", b"", b"000000000000000G")})
            client, replica = Client([member.url], None, 5.0), Replica("alpha")

            async def apply(raw: bytes) -> None:
                replica.apply_raw(raw, lambda _: None)

            tail = LogTail(client, KEYS, replica, apply, lambda: None)
            async with asyncio.timeout(20):
                await tail.catch_up()
            await client.close()
            assert (replica.head, replica.newest_known) == (3, 3)

    asyncio.run(scenario())
