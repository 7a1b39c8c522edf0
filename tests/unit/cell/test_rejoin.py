"""What is done with a journal member that is not well, and when nothing is."""

from __future__ import annotations

import json

import pytest

from dingli.cell import CellError
from dingli.cell.members import MemberStatus
from dingli.cell.rejoin import Place, Step, parse_places, plan

PEER = "https://198.51.100.3:2380"
VOTERS = (Place(1, "a", ("https://198.51.100.1:2380",)), Place(2, "b", ("https://198.51.100.2:2380",)))


def status(name: str, healthy: bool, leader: int = 1) -> MemberStatus:
    return MemberStatus(name, answered=healthy, member_id=1, leader_id=leader if healthy else 0)


def steps(*own: Place, c: bool = False, leader: int = 1, data: bool = False, discard: bool = False) -> tuple[Step, ...]:
    seen = [status("a", True), status("b", True), status("c", c, leader)]
    return plan("c", PEER, seen, (*VOTERS, *own), data, discard)


VOTER, LEARNER = Place(3, "c", (PEER,)), Place(4, "c", (PEER,), learner=True)


def test_a_member_that_is_well_is_left_alone() -> None:
    assert steps(VOTER, c=True, data=True) == ()
    moved = Place(3, "c", ("https://198.51.100.9:2380",))
    assert steps(moved, c=True, data=True) == (), "known by its name where its address is another now"


def test_a_voter_that_lost_its_data_goes_and_comes_back_as_a_learner() -> None:
    assert steps(VOTER) == (Step.REMOVE, Step.ADD, Step.START, Step.PROMOTE)


def test_a_member_whose_data_are_there_is_removed_only_on_request() -> None:
    with pytest.raises(CellError, match="its data are there"):
        steps(VOTER, data=True)
    assert steps(VOTER, data=True, discard=True)[0] is Step.REMOVE


def test_a_member_that_is_only_cut_off_is_not_removed() -> None:
    with pytest.raises(CellError, match="knows no leader"):
        steps(VOTER, c=True, leader=0, data=True, discard=True)


def test_an_interrupted_run_is_gone_on_with() -> None:
    assert steps() == (Step.ADD, Step.START, Step.PROMOTE)
    assert steps(Place(4, "", (PEER,), learner=True)) == (Step.START, Step.PROMOTE)
    assert steps(LEARNER, c=True, data=True) == (Step.PROMOTE,)


def test_a_learner_that_stopped_loses_what_it_had_with_its_identity() -> None:
    assert steps(LEARNER, data=True, discard=True)[0] is Step.REMOVE


def test_where_the_others_would_be_no_majority_nothing_is_touched() -> None:
    seen = [status("a", True), status("b", False), status("c", False)]
    with pytest.raises(CellError, match="1 other members of the journal are healthy"):
        plan("c", PEER, seen, (*VOTERS, VOTER), False)


def test_the_list_is_read_as_etcd_writes_it() -> None:
    written = {"members": [{"ID": 7, "peerURLs": [PEER], "isLearner": True}]}
    assert parse_places(json.dumps(written)) == (Place(7, "", (PEER,), learner=True),)
    with pytest.raises(CellError, match="cannot be read"):
        parse_places("Error: context deadline exceeded")
