"""What `dingli lab up` would do, given what it finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.containers import Container
from lab.layout import Detour, LabLine
from lab.lifecycle import Found, Step, as_made, comparable, plan
from tests.unit.lab.small_lab import LAB, ONE, TWO


def machine(name: str, *, running: bool) -> Container:
    return Container(name, "0123456789abcdef", running=running, orphaned=False, started_at=0)


def found(
    *machines: Container, whole: bool = True, plugged: set[str] | None = None, off: set[str] | None = None
) -> Found:
    names = {m.name for m in machines if m.running} if plugged is None else plugged
    return Found(whole, {m.name: m for m in machines}, frozenset(names), frozenset(off or ()))


def test_on_an_empty_machine_every_host_is_created() -> None:
    assert plan(LAB, found(whole=False)) == {ONE.name: Step.CREATE, TWO.name: Step.CREATE}


def test_nothing_is_done_when_all_is_up() -> None:
    everything = found(machine(ONE.name, running=True), machine(TWO.name, running=True))
    assert set(plan(LAB, everything).values()) == {Step.NOTHING}


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (found(machine(ONE.name, running=False)), Step.START),
        (found(machine(ONE.name, running=True), plugged=set()), Step.START),
        (found(machine(ONE.name, running=True), whole=False), Step.START),
        (found(machine(ONE.name, running=False), off={ONE.name}), Step.STAY_OFF),
        (found(machine(ONE.name, running=False), off={ONE.name}, whole=False), Step.STAY_OFF),
        (found(off={ONE.name}), Step.CREATE),
    ],
    ids=["dead", "without its cable", "in a damaged lab", "switched off", "off in a damaged lab", "gone"],
)
def test_each_state_of_a_host_has_its_step(state: Found, step: Step) -> None:
    assert plan(LAB, state)[ONE.name] is step


def test_a_machine_that_is_there_keeps_its_image_and_a_new_one_gets_the_new() -> None:
    newer = replace(LAB, hosts=(replace(ONE, image="new"), replace(TWO, image="new")))
    made = as_made(newer, LAB, {ONE.name: Step.START, TWO.name: Step.CREATE})
    assert [host.image for host in made.hosts] == [ONE.image, "new"]
    assert as_made(newer, None, {ONE.name: Step.CREATE, TWO.name: Step.CREATE}) == newer


def test_lines_come_to_a_lab_that_is_there_already_and_go_again() -> None:
    gateway = replace(ONE, line_addresses=("198.18.101.1",))
    joined = replace(LAB, hosts=(gateway, TWO), lines=(LabLine("east--west--1", "198.18.101.1", "198.18.101.2"),))
    joined = replace(joined, detours=(Detour("198.18.1.0/24", "198.18.2.0/24", ONE.address),))

    assert comparable(joined) == comparable(LAB)
    made = as_made(joined, LAB, {ONE.name: Step.NOTHING, TWO.name: Step.NOTHING})
    assert made == joined, "a machine that is there keeps its image, and nothing else of the former description"


def test_another_image_is_no_other_lab_and_another_address_is() -> None:
    assert comparable(replace(LAB, hosts=(replace(ONE, image="new"), TWO))) == comparable(LAB)
    assert comparable(replace(LAB, hosts=(replace(ONE, address="198.18.1.12"), TWO))) != comparable(LAB)
