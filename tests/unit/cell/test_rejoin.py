"""What is done with a journal member that is not well, and when nothing is."""

from __future__ import annotations

import json

import pytest

from dingli.cell import CellError
from dingli.cell.members import MemberStatus
from dingli.cell.rejoin import Place, Step, parse_places, plan

PEER = "https://198.51.100.3:2380"
VOTERS = (Place(1, "a", ("https://198.51.100.1:2380",)), Place(2, "b", ("https://198.51.100.2:2380",)))


def statuses(**healthy: bool) -> list[MemberStatus]:
    return [MemberStatus(name, answered=well, member_id=1, leader_id=int(well)) for name, well in healthy.items()]


def steps(*own: Place, c: bool = False) -> tuple[Step, ...]:
    return plan("c", PEER, statuses(a=True, b=True, c=c), (*VOTERS, *own))


def test_a_member_that_is_well_is_left_alone() -> None:
    assert steps(Place(3, "c", (PEER,)), c=True) == ()


def test_a_voter_that_lost_its_data_goes_and_comes_back_as_a_learner() -> None:
    assert steps(Place(3, "c", (PEER,))) == (Step.REMOVE, Step.ADD, Step.START, Step.PROMOTE)


def test_an_interrupted_run_is_gone_on_with() -> None:
    assert steps() == (Step.ADD, Step.START, Step.PROMOTE)
    assert steps(Place(4, "", (PEER,), learner=True)) == (Step.START, Step.PROMOTE)
    assert steps(Place(4, "c", (PEER,), learner=True), c=True) == (Step.PROMOTE,)


def test_a_learner_that_stopped_loses_what_it_had_with_its_identity() -> None:
    assert steps(Place(4, "c", (PEER,), learner=True))[0] is Step.REMOVE


def test_where_the_others_would_be_no_majority_nothing_is_touched() -> None:
    lost = (*VOTERS, Place(3, "c", (PEER,)))
    with pytest.raises(CellError, match="1 other members of the journal are healthy"):
        plan("c", PEER, statuses(a=True, b=False, c=False), lost)


def test_the_list_is_read_as_etcd_writes_it() -> None:
    written = {"members": [{"ID": 7, "peerURLs": [PEER], "isLearner": True}]}
    assert parse_places(json.dumps(written)) == (Place(7, "", (PEER,), learner=True),)
    with pytest.raises(CellError, match="cannot be read"):
        parse_places("Error: context deadline exceeded")
