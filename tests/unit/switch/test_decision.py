"""Whether a switch is safe: recorded observations of the lab, and ones in which something speaks against it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dingli.exceptions import InputError
from dingli.switch import Action, Decision, Request, as_lines, decide
from tests.unit.status import observed
from tests.unit.status.observed import Seen, cell_says, core_says

STANDBY = "standby-1/minimal"


def decided(seen: Seen, to: str = STANDBY, *, accept_remote: bool = False, busy: str | None = None) -> Decision:
    environment = observed.environment()
    return decide(environment, observed.picture(seen), Request("alpha", to, accept_remote), busy)


def later_role(said: dict[str, Any]) -> None:
    said["cores"]["primary-1/main"]["role"] = "follower"


def lagging_member(entries: int) -> Seen:
    seen = observed.recorded()
    member = seen["dr-1"].member
    assert member is not None
    return seen | {"dr-1": replace(seen["dr-1"], member=replace(member, applied_index=member.applied_index - entries))}


@pytest.mark.parametrize("to", [STANDBY, "standby", "standby-2/minimal"])
def test_a_switch_in_the_same_city_is_allowed_in_steady_state(to: str) -> None:
    decision = decided(observed.recorded(), to)
    assert (decision.action, decision.refusals) == (Action.SWITCH, ())
    assert decision.target == ("standby-2/minimal" if to == "standby-2/minimal" else STANDBY)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (core_says(STANDBY, lag_ms=1_001), "standby-1/minimal: lags 1001 ms"),
        (core_says(STANDBY, head=1), "entries behind"),
        (core_says(STANDBY, hash="00" * 32), "has another hash at entry"),
        (core_says(STANDBY, role="starting"), "is starting"),
        (observed.service("standby-1", "inactive"), "does not run: its service is inactive"),
        (core_says(STANDBY, time_ns=0), "has said nothing for"),
        (cell_says(lambda said: said["cores"].pop(STANDBY)), "has said nothing"),
        (cell_says(lambda said: said["claims"].pop(STANDBY)), "could not be compared"),
        (cell_says(lambda said: said.update(quarantined=[STANDBY])), "is quarantined"),
        (cell_says(lambda said: said.update(halted=True)), "the cell is halted"),
        (cell_says(lambda said: said.update(handover="dr-1/main")), "a hand-over to dr-1/main is under way"),
        (cell_says(lambda said: said.update(switch="dr-1/main")), "a hand-over to dr-1/main is under way"),
        (cell_says(later_role), "primary-1/main holds the leader key and does not say that it leads"),
        (observed.etcd_silent("dr-1"), "quorum at risk: journal member dr-1 is silent"),
        (observed.unreached("dr-1"), "quorum at risk: journal member dr-1 is unreachable"),
        (lagging_member(6_000), "quorum at risk: journal member dr-1 is"),
        (observed.clock_off("standby-1", 400), "its clock is"),
        (observed.clock_off("standby-1", -400), "its clock is"),
        (observed.unreached("standby-1"), "was not reached, so its clock is not known"),
        (observed.unreached("primary-1", "dr-1"), "who leads is not known"),
    ],
)
def test_what_makes_a_switch_unsafe_refuses_it(seen: Seen, reason: str) -> None:
    decision = decided(seen)
    assert not decision.allowed
    assert reason in "\n".join(decision.refusals)
    assert any(reason in line and "refused" in line for line in as_lines(decision, None))


def test_another_operation_refuses_it() -> None:
    assert decided(observed.recorded(), busy="a drill is under way: run 7").refusals == ("a drill is under way: run 7",)


def test_of_a_site_the_first_core_without_a_reason_against_it_is_chosen() -> None:
    decision = decided(core_says(STANDBY, lag_ms=5_000), "standby")
    assert (decision.target, decision.refusals) == ("standby-2/minimal", ())
    assert "emulated" in decision.warnings[0]
    both = decided(core_says("standby-2/minimal", core_says(STANDBY, lag_ms=5_000), role="starting"), "standby")
    assert len(both.refusals) == 2
    assert both.target == ""


def test_a_remote_core_is_chosen_only_when_that_is_accepted() -> None:
    assert "--accept-remote" in decided(observed.recorded(), "dr").refusals[0]
    decision = decided(observed.recorded(), "dr", accept_remote=True)
    assert (decision.target, decision.refusals) == ("dr-1/main", ())
    assert "remote" in decision.warnings[0]


@pytest.mark.parametrize("to", ["primary", "primary-1/main"])
def test_where_the_target_leads_there_is_nothing_to_do_whatever_else_is_wrong(to: str) -> None:
    decision = decided(observed.etcd_silent("dr-1"), to, busy="a drill")
    assert (decision.action, decision.refusals, decision.target) == (Action.NOTHING, (), "primary-1/main")


@pytest.mark.parametrize("to", ["nowhere", "ops", "ops-1/main", "standby-1/main", ""])
def test_a_target_that_is_not_declared_is_wrong_input(to: str) -> None:
    with pytest.raises(InputError):
        decided(observed.recorded(), to)
    with pytest.raises(InputError, match="beta"):
        decide(observed.environment(), observed.picture(observed.recorded()), Request("beta", "standby"))


def test_while_nobody_leads_the_chosen_core_may_take_over_though_a_member_is_down() -> None:
    lost = observed.nobody_leads(observed.unreached("primary-1"))
    decision = decided(lost, "dr", accept_remote=True)
    assert (decision.action, decision.refusals, decision.target) == (Action.TAKEOVER, (), "dr-1/main")
    said = "\n".join(decision.warnings)
    assert "journal member primary-1 is unreachable: no reserve" in said
    assert "standby-1/minimal, standby-2/minimal may take over by itself" in said


def test_a_takeover_needs_a_majority_of_the_journal_and_a_core_that_is_well() -> None:
    two_lost = observed.nobody_leads(observed.unreached("primary-1", "standby-1"))
    assert "the journal has no majority" in decided(two_lost, "dr", accept_remote=True).refusals[0]
    behind = core_says("dr-1/main", observed.nobody_leads(), lag_ms=4_000)
    assert "lags 4000 ms" in decided(behind, "dr", accept_remote=True).refusals[0]
    assert decided(observed.nobody_leads(), "dr").refusals


def test_a_core_that_stands_alone_at_the_last_entry_may_take_over_and_it_is_said() -> None:
    lost = observed.nobody_leads(observed.unreached("primary-1"))
    head = lost["dr-1"].cells["alpha"]["cores"]["dr-1/main"]["head"]
    alone = core_says("dr-1/main", lost, head=head + 1)
    decision = decided(alone, "dr", accept_remote=True)
    assert decision.allowed
    assert "alone stands at entry" in decision.warnings[1]


def test_the_preview_says_what_becomes_of_the_journals_leader() -> None:
    away = "\n".join(as_lines(decided(observed.recorded()), None))
    assert "standby-1 at standby, moves to primary-1 by itself" in away
    far = "\n".join(as_lines(decided(observed.recorded(), "dr", accept_remote=True), None))
    assert "standby-1 at standby, stays" in far


def test_a_decision_is_plain_data() -> None:
    plain = decided(observed.recorded()).plain()
    assert json.loads(json.dumps(plain))["allowed"] is True
