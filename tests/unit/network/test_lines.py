"""What is said of lines, from what their two gateways say."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from dingli.environment import Environment, Line
from dingli.environment.lines import site_lines
from dingli.exceptions import ExitCode
from dingli.network.drawing import as_svg
from dingli.network.lines import LineState, SeenLine, exit_code, judge_lines
from dingli.network.screen import network
from dingli.network.sites import plain

from .conftest import ROOT, rendered

FIRST, SECOND = "primary--dr--1", "primary--dr--2"
SAID = """primary--dr--1: #3, ESTABLISHED, IKEv2, 28e5b64a9c98a88f_i* 5a5de5a3d4e6b3cc_r
  local  'CN=ipsec-primary-1' @ 192.0.2.1[4500]
  primary--dr--1: #4, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256
    installed 1s ago, rekeying in 3301s, expires in 3959s
primary--dr--2: #5, CONNECTING, IKEv2, 38e5b64a9c98a88f_i* 0000000000000000_r
"""


@pytest.fixture
def lined(lab: Environment) -> Environment:
    line = {
        "gateways": ["primary-1", "dr-1"],
        "first": ["192.0.2.1", "192.0.2.2"],
        "second": ["192.0.2.5", "192.0.2.6"],
    }
    return lab.model_copy(update={"lines": (Line.model_validate(line),)})


@pytest.fixture(scope="module")
def program() -> ModuleType:
    loader = SourceFileLoader("line_state", str(ROOT / "roles" / "ipsec" / "files" / "line-state"))
    spec = importlib.util.spec_from_loader("line_state", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def judged(environment: Environment, **said: Mapping[str, bool | None] | str) -> list[SeenLine]:
    return list(judge_lines(site_lines(environment), {host.replace("_", "-"): one for host, one in said.items()}))


def test_a_line_is_down_if_either_gateway_says_so(lined: Environment) -> None:
    both, one = {FIRST: True, SECOND: True}, {FIRST: True, SECOND: False}
    first, second = judged(lined, primary_1=both, dr_1=one)
    assert (first.state, second.state) == (LineState.UP, LineState.DOWN)
    assert second.text == "down, says dr-1"
    assert exit_code([first, second]) is ExitCode.FAILED


def test_a_gateway_that_cannot_be_asked_leaves_the_word_to_the_other(lined: Environment) -> None:
    first, _ = judged(lined, primary_1={FIRST: True, SECOND: True}, dr_1="no answer")
    assert (first.state, first.text) == (LineState.UP, "dr-1: no answer")


def test_without_any_word_it_cannot_be_told(lined: Environment) -> None:
    found = judged(lined, primary_1={FIRST: None, SECOND: None}, dr_1={})
    assert {one.state for one in found} == {LineState.UNKNOWN}
    assert found[0].text == ("primary-1: strongSwan does not answer; dr-1: does not know this line yet: dingli up")
    assert exit_code(found) is ExitCode.UNKNOWN
    assert exit_code([]) is ExitCode.OK


def test_lines_are_shown_on_a_terminal_drawn_and_given_to_programs(lined: Environment) -> None:
    found = judged(lined, primary_1={FIRST: True, SECOND: False}, dr_1={FIRST: True, SECOND: False})
    console = Console(width=200, color_system=None, record=True, file=io.StringIO())
    console.print(network(lined, found))
    shown = console.export_text()
    assert "primary--dr--2  primary-1 192.0.2.5  dr-1 192.0.2.6  down" in shown
    drawn = as_svg(lined, found)
    assert drawn.count('class="line"') == 2
    assert drawn.count("stroke-dasharray") == 1
    told = json.loads(json.dumps(plain(lined, [one.plain() for one in found])))
    assert [one["state"] for one in told["lines"]] == ["up", "down"]
    assert told["sites"]["dr"]["hosts"] == {"dr-1": "198.18.3.11"}


def test_a_gateway_reads_what_carries_from_what_strongswan_prints(program: ModuleType) -> None:
    ends = {"own": {"site": "primary"}, "other": {"site": "dr"}}
    declared = [{"name": name, "rank": rank, **ends} for rank, name in ((1, FIRST), (2, SECOND))]
    assert [line["up"] for line in program.states(declared, SAID)] == [True, False]
    assert [line["up"] for line in program.states(declared, None)] == [None, None]
    assert list(program.metrics(program.states(declared, SAID))) == [
        'dingli_site_line_up{line="primary--dr--1",pair="primary--dr",rank="1"} 1',
        'dingli_site_line_up{line="primary--dr--2",pair="primary--dr",rank="2"} 0',
    ]


def test_monitoring_is_told_of_a_line_that_stays_down_and_not_of_one_that_was_just_restarted(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "PAUSE_S", 0)
    looks = iter([(None, True), (False, None), (True, False)])

    def look() -> list[dict[str, object]]:
        return [{"name": name, "up": up} for name, up in zip((FIRST, SECOND), next(looks), strict=True)]

    assert [line["up"] for line in program.best(look)] == [True, True]
    assert [line["up"] for line in program.best(lambda: [{"up": True}, {"up": False}])] == [True, False]


def test_a_gateway_writes_for_monitoring_whenever_it_writes_its_other_facts(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = tmp_path / "lines.json"
    declared.write_text(json.dumps([{"name": FIRST, "rank": 1, "own": {"site": "primary"}, "other": {"site": "dr"}}]))
    swanctl = tmp_path / "swanctl"
    swanctl.write_text(f"#!/bin/sh\ncat <<'END'\n{SAID}END\n")
    swanctl.chmod(0o755)
    monkeypatch.setattr(program, "DECLARED", declared)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program.main(["--metrics", str(tmp_path / "lines.prom")])
    told = 'dingli_site_line_up{line="primary--dr--1",pair="primary--dr",rank="1"} 1\n'
    assert (tmp_path / "lines.prom").read_text() == told


def test_the_packet_filter_lets_lines_through_between_their_ends_alone(lined: Environment, lab: Environment) -> None:
    rules = rendered(lined, "dr-1")
    for own, other in (("192.0.2.2", "192.0.2.1"), ("192.0.2.6", "192.0.2.5")):
        for what in ("udp dport 500", "udp dport 4500", "ip protocol esp"):
            assert f"ip saddr {{ {other}/32 }} ip daddr {own} {what} accept" in rules
            assert f"ip daddr {{ {other}/32 }} {what} accept" in rules
    assert rules.count("dport 500 accept") == rules.count("dport 4500 accept") == rules.count("esp accept") == 4
    assert 'ip saddr 198.18.1.0/24 ip daddr 198.18.3.0/24 iifname "ipsec0" accept' in rules
    assert rendered(lined, "primary-2") == rendered(lab, "primary-2"), "a host that is no gateway"
    assert not any(word in rendered(lab, "dr-1") for word in ("dport 500", "dport 4500", "esp ", "ipsec"))
