"""`dingli network`: what is asked for, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from dingli.cli.network import app
from dingli.environment import Environment, Protocol
from dingli.exceptions import ExitCode, InputError
from dingli.network import flows
from dingli.network.choice import chosen
from dingli.network.judgement import Answer, Report, Seen, State, judge
from dingli.network.matrix import CONTROLLER, NEVER_OPEN, Attempt, matrix
from dingli.network.screen import scan_result


def dingli(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_flows_can_be_chosen_by_their_ends(lab_file: Path) -> None:
    found = json.loads(dingli("flows", str(lab_file), "--from", "primary-2", "--to", "primary", "--json").stdout)
    assert [(one["service"], one["port"]) for one in found] == [("journal", 2379), ("core alpha", 7400)]
    assert {end["name"] for one in found for end in one["destinations"]} == {"primary-1"}


def test_an_address_and_a_neighbour_are_ends_too(lab: Environment) -> None:
    assert {flow.port for flow in chosen(lab, flows(lab), "198.18.255.253", "ops-1")} == {22, 9090, 9093}
    assert {flow.port for flow in chosen(lab, flows(lab), "controllers", "ops-1")} == {22, 9090, 9093}
    with pytest.raises(InputError, match="did you mean 'primary-1'"):
        chosen(lab, flows(lab), "primary1", None)


def test_the_table_has_a_row_for_each_flow(lab: Environment, lab_file: Path) -> None:
    lines = dingli("flows", str(lab_file)).stdout.splitlines()
    assert sum(" tcp " in line or " udp " in line for line in lines) == len(flows(lab))


def test_show_names_every_host_and_what_crosses(lab: Environment, lab_file: Path) -> None:
    shown = dingli("show", str(lab_file)).stdout
    assert all(host in shown for host in lab.hosts)
    assert "journal peers 2380" in shown
    assert "emulated: no packet filter" in shown


def test_the_drawing_is_svg_with_every_host(lab: Environment, lab_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "network.svg"
    assert dingli("show", str(lab_file), "--svg", str(file)).exit_code == 0
    root = ElementTree.parse(file).getroot()
    said = " ".join(root.itertext())
    assert all(host in said for host in lab.hosts)
    with pytest.raises(InputError, match=r"No such file"):
        dingli("show", str(lab_file), "--svg", str(tmp_path / "none" / "network.svg"))


def attempt(services: Sequence[str] = (), *, filtered: bool = True, protocol: Protocol = Protocol.TCP) -> Attempt:
    return Attempt("here", "there", protocol, 7400, tuple(services), filtered)


def judged(one: Attempt, answer: Answer | None, *, listens: bool = True, trouble: str = "") -> State:
    answers = {one.target: answer} if answer else {}
    listening = frozenset({(one.protocol, one.port)} if listens else ())
    seen = {"here": Seen(answers), "there": Seen(listening=listening, trouble=trouble)}
    return judge("lab", [one], seen).findings[0].state


@pytest.mark.parametrize(
    ("services", "answer", "listens", "state"),
    [
        (["core"], Answer.OPEN, True, State.OPEN),
        (["core"], Answer.REFUSED, False, State.IDLE),
        (["core"], Answer.REFUSED, True, State.FAILED),
        (["core"], Answer.SILENT, True, State.FAILED),
        (["core"], Answer.SILENT, False, State.FAILED),
        (["core"], Answer.DENIED, False, State.FAILED),
        ([], Answer.SILENT, True, State.CLOSED),
        ([], Answer.DENIED, True, State.CLOSED),
        ([], Answer.OPEN, True, State.FAILED),
        ([], Answer.REFUSED, False, State.FAILED),
    ],
)
def test_an_attempt_is_judged_by_what_is_declared_and_what_listens(
    services: list[str], answer: Answer, listens: bool, state: State
) -> None:
    assert judged(attempt(services), answer, listens=listens) is state


def test_what_cannot_be_told_is_not_good() -> None:
    assert judged(attempt(), None) is State.UNKNOWN
    assert judged(attempt(), Answer.SILENT, trouble="no answer") is State.UNKNOWN, "a host without power is silent too"
    assert judged(attempt(), Answer.OPEN, trouble="no answer") is State.FAILED
    assert judged(attempt(["time"], protocol=Protocol.UDP), Answer.SILENT, listens=False) is State.IDLE
    assert judged(attempt(filtered=False), Answer.OPEN) is State.NO_FILTER
    assert Report("lab", (), {}).exit_code is ExitCode.UNKNOWN


def test_the_matrix_is_everybody_to_everybody_else(lab: Environment) -> None:
    found = matrix(lab, None)
    ports = {(flow.protocol, flow.port) for flow in flows(lab)} | {(Protocol.TCP, port) for port in NEVER_OPEN}
    assert len(found) == len(lab.hosts) * (len(lab.hosts) - 1) * len(ports)
    assert {one.services for one in found if one.port in NEVER_OPEN} == {()}


def test_the_screen_says_what_is_wrong_in_one_line_a_pair(lab: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    from dingli.network.screen import console

    attempts = matrix(lab, lab.network.controllers[0].network_address)
    listening = frozenset((one.protocol, one.port) for one in attempts)
    answers = {name: {} for name in [*lab.hosts, CONTROLLER]}  # type: dict[str, dict[tuple[str, Protocol, int], Answer]]
    for one in attempts:
        wrong = (one.source, one.destination) == ("primary-2", "dr-1")
        answers[one.source][one.target] = Answer.OPEN if one.services or wrong else Answer.DENIED
    seen = {name: Seen(found, listening) for name, found in answers.items()}
    console().print(scan_result(lab, judge("lab", attempts, seen)))
    shown = capsys.readouterr().out
    assert shown.count("wrong") == 1
    assert sum(line.startswith("! primary-2 to dr-1") for line in shown.splitlines()) == 1
    assert "not as declared" in shown
