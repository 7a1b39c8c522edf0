"""The witnesses of the running lab: they answer, and the controller's key cannot make them unsay anything."""

from __future__ import annotations

import pytest

from dingli.environment import Environment, load
from dingli.environment.witnesses import witness_hosts
from dingli.evidence import Result, Store, run
from dingli.evidence.exceptions import WitnessError
from dingli.evidence.manifest import head_of
from dingli.evidence.witness import ask_heads, over_ssh


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture(scope="module")
def store(lab: Environment) -> Store:
    """The lab's evidence, with a run at its end that the witnesses were told of."""
    kept = Store.of(lab.name)
    with run(lab, "test", "the witnesses are told") as opened:
        opened.result = Result.PASSED
    return kept


def test_every_witness_states_the_last_head(lab: Environment, store: Store) -> None:
    last = head_of(store.folders()[-1])
    for answer in ask_heads(lab, store):
        assert answer.statement is not None, answer.trouble
        assert answer.statement.heads(lab.name)[last.number] == last.sum


@pytest.mark.parametrize("index", [0, 1])
def test_the_login_can_neither_change_a_head_nor_do_anything_else(lab: Environment, store: Store, index: int) -> None:
    last = head_of(store.folders()[-1])
    attempts = [f"append lab {last.number} {'0' * 64}", f"append lab {last.number - 1} {'0' * 64}", "id", "sh", ""]
    with over_ssh(lab, store)(witness_hosts(lab)[index]) as ask:
        for attempt in attempts:
            with pytest.raises(WitnessError):
                ask(attempt)
