"""What is made of hosts' answers: recorded ones, and ones in which something is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from dingli.gate import State
from dingli.status.screen import render
from tests.unit.status import observed
from tests.unit.status.observed import NOW, Seen, picture

ALL = tuple(observed.environment().hosts)


def test_the_steady_lab_is_healthy_and_everything_is_known() -> None:
    found = picture(observed.recorded())

    assert (found.problems, found.notes) == ((), ())
    assert found.gate["quorum"].state is found.gate["leadership"].state is State.PASSED
    assert found.journal.leader_site == "standby"
    cell = found.cells["alpha"]
    assert (cell.leader, cell.leader_site) == ("primary-1/main", "primary")
    assert {core.hash for core in cell.cores} == {"equal"}
    assert all(core.head > 0 and core.lag_ms < 1000 for core in cell.cores)
    assert all(gateway.linked and gateway.epoch == cell.epoch for gateway in cell.gateways)
    assert len(cell.sessions) == 14
    assert all(session.next_in is not None and session.next_in >= 1 for session in cell.sessions)
    assert all(member.db_bytes > 0 and member.quota_bytes == 8 << 30 for member in found.journal.members)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (observed.unreached("dr-1"), "dr-1: not reached: no answer"),
        (observed.unreached("dr-1"), "quorum: failed: 2 of 3 members"),
        (observed.unreached(*ALL), "this machine's network"),
        (observed.unreached(*ALL), "quorum: unknown: not reached from here"),
        (observed.unreached(*ALL), "leadership: unknown"),
        (observed.etcd_silent("dr-1"), "silent: dr-1"),
        (observed.etcd_silent("dr-1", "standby-1"), "quorum: failed: no majority"),
        (observed.core_says("standby-2/minimal", lag_ms=3_001), "standby-2/minimal lags 3001 ms"),
        (observed.core_says("dr-1/main", lag_ms=1_001), "dr-1/main lags 1001 ms"),
        (observed.core_says("dr-1/main", time_ns=0), "dr-1/main has said nothing for"),
        (observed.core_says("dr-1/main", hash="00" * 32), "dr-1/main has another hash at entry"),
        (observed.core_says("standby-1/minimal", role="starting"), "standby-1/minimal is starting"),
        (observed.service("standby-2", "failed"), "standby-2/minimal does not run: its service is failed"),
        (observed.cell_says(lambda said: said["cores"].pop("dr-1/main")), "dr-1/main has said nothing"),
        (observed.cell_says(lambda said: said.update(quarantined=["dr-1/main"])), "quarantined: dr-1/main"),
        (observed.cell_says(lambda said: said.update(halted=True, halt={"reason": "why"})), "halted: why"),
        (observed.nobody_leads(), "nobody leads, expected primary-1/main"),
    ],
)
def test_what_is_wrong_is_said(seen: Seen, problem: str) -> None:
    found = picture(seen)
    assert not found.ok
    assert problem in "\n".join(found.problems)


def test_an_emulated_core_may_lag_more() -> None:
    assert picture(observed.core_says("standby-2/minimal", lag_ms=2_000)).ok


def test_hashes_are_compared_at_the_same_entry_only() -> None:
    seen = observed.cell_says(lambda said: said.update(claims={}))
    heads = {"primary-1/main": 9, "standby-1/minimal": 9, "standby-2/minimal": 8, "dr-1/main": 9}
    for core, head in heads.items():
        seen = observed.core_says(core, seen, head=head, hash="aa" if core != "dr-1/main" else "bb")
    states = {core.core: core.hash.value for core in picture(seen).cells["alpha"].cores}
    assert (states["dr-1/main"], states["standby-2/minimal"]) == ("different", "unknown")


def test_a_gateway_without_a_leader_and_one_that_says_nothing_are_problems() -> None:
    seen = observed.recorded()
    told = seen["primary-2"].gateways["alpha"]
    seen["primary-2"] = replace(seen["primary-2"], gateways={"alpha": replace(told, linked=False)})
    seen["dr-1"] = replace(seen["dr-1"], gateways={}, failed={"gateway-alpha": "connection refused"})
    said = "\n".join(picture(seen).problems)
    assert "gateway primary-2 is linked to no leading core" in said
    assert "gateway dr-1: connection refused" in said


def test_a_full_journal_and_one_that_falls_behind_are_problems() -> None:
    seen = observed.recorded()
    member = seen["dr-1"].member
    assert member is not None
    late = replace(member, db_bytes=6 << 30, applied_index=member.applied_index - 9_000, errors=("NOSPACE",))
    seen["dr-1"] = replace(seen["dr-1"], member=late)
    said = "\n".join(picture(seen).problems)
    assert "75% of its quota" in said
    assert "raft entries behind" in said
    assert "journal on dr-1: NOSPACE" in said


def test_certificates_are_a_note_below_thirty_days_and_a_problem_below_seven() -> None:
    seen = observed.recorded()

    def with_days(days: float) -> Seen:
        expiry = {"fix-alpha": NOW + timedelta(days=days), "ca": NOW + timedelta(days=900)}
        return seen | {"dr-1": replace(seen["dr-1"], certificates=expiry)}

    assert picture(with_days(31)).notes == ()
    assert "dingli up lab" in picture(with_days(29)).notes[0]
    assert "dr-1: the certificate fix-alpha expires" in picture(with_days(6)).problems[0]


def test_what_is_unusual_but_not_wrong_is_a_note() -> None:
    def change(said: dict) -> None:  # type: ignore[type-arg]
        said["leader"]["core"] = "standby-1/minimal"
        said["cores"]["primary-1/main"]["role"] = "follower"
        said["cores"]["standby-1/minimal"]["role"] = "leader"
        said["handover"] = "primary-1/main"

    found = picture(observed.cell_says(change))
    assert found.ok
    notes = "\n".join(found.notes)
    assert "`dingli switch alpha --to primary-1/main --env lab`" in notes
    assert "a hand-over to primary-1/main is under way" in notes
    assert "the journal is led by standby-1, it belongs on primary-1" in notes
    assert "standby-2: its clock differs from every other host's by 110 ms" in "\n".join(
        picture(observed.clock_off("standby-2", 190)).notes
    )


def test_the_json_keys_that_are_promised_are_there() -> None:
    plain = picture(observed.recorded()).plain()
    assert json.loads(json.dumps(plain))["ok"] is True
    assert {"format", "ok", "problems", "notes", "hosts", "journal", "cells", "gate"} <= set(plain)
    assert {"leader", "leader_site", "epoch", "head", "cores", "gateways", "sessions"} <= set(plain["cells"]["alpha"])
    assert {"core", "kind", "role", "behind", "lag_ms", "hash", "quarantined"} <= set(
        plain["cells"]["alpha"]["cores"][0]
    )
    assert "view" not in plain["cells"]["alpha"]


@pytest.mark.parametrize("seen", [observed.recorded(), observed.unreached(*ALL), observed.nobody_leads()])
def test_the_screen_fits_a_screen_and_names_every_host(seen: Seen) -> None:
    console = Console(width=160, record=True, file=None, quiet=True)
    with console.capture() as shown:
        console.quiet = False
        console.print(render(observed.environment(), picture(seen)))
    text = shown.get()
    assert len(text.splitlines()) < 50
    assert all(host in text for host in ALL)
