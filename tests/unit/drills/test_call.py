"""The drill of a site on demand: what it refuses, what it is judged by."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dingli.environment.readiness import called_sites, record_call
from dingli.stacks.backend import checkpoint_key
from drills.actions.calling import call_site, called, require_callable, require_going_on, send_back
from drills.checker.check import Verdict
from drills.exceptions import DrillInput, DrillRefused, StepFailed
from drills.judge import DrillReport, judge
from drills.report import render_html
from drills.settings import ON_DEMAND, Settings
from tests.unit.drills.past import CALL, SECOND, Past, settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def on_demand(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trial's far site is; e is not there until it is called."""
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    file = root / "stacks" / "environments" / "trial.yaml"
    text = file.read_text()
    changes = {
        "kind: lab": "kind: lab\nowner: trading",
        "city: west, network: 10.3.0.0/16": (
            "city: west, network: 10.3.0.0/16, hosting: industry, cloud: {region: cn-north-1}, readiness: on_demand"
        ),
        "  d: {site: far, address: 10.3.0.1, arch: x86_64, os: debian-13}": (
            "  d: {site: far, address: 10.3.0.11, arch: x86_64, os: debian-13}\n"
            "  e: {site: far, address: 10.3.0.12, arch: x86_64, os: debian-13}"
        ),
        "host: c, kind: minimal, takeover: automatic, lease_s: 20}\n      - {host: d": (
            "host: c, kind: minimal, takeover: automatic, lease_s: 20}\n      - {host: e"
        ),
        "gateways: [a, b]": "gateways: [a, b, e]",
    }
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text)
    return root


def asked(**changes: str) -> Settings:
    return settings(**{"site": ON_DEMAND, **changes})


def verdict_on(past: Past, folder: Path) -> DrillReport:
    past.drill = CALL
    return judge(CALL, past.chaos_journal(), asked(), past.leave(folder))


def test_the_site_on_demand_is_meant_unless_another_is_named(on_demand: Path) -> None:
    assert (asked().site, asked().on_call) == ("far", ["e"])
    assert asked().words()["on_call"] == "e"
    require_callable(asked())


def test_without_a_site_on_demand_there_is_nothing_to_drill() -> None:
    with pytest.raises(DrillInput, match="no site of trial is on demand"):
        asked()
    with pytest.raises(DrillRefused, match="far is not on demand"):
        require_callable(settings(site="far"))


def test_a_site_that_is_called_already_is_refused(on_demand: Path) -> None:
    record_call("trial", ["far"])
    with pytest.raises(DrillRefused, match="far is called already"):
        require_callable(asked())


def test_so_is_one_whose_machines_are_there_still(on_demand: Path) -> None:
    file = on_demand / ".dingli" / "pulumi" / checkpoint_key("trial-far")
    file.parent.mkdir(parents=True)
    resources = [{"urn": "urn:pulumi::e", "type": "industry:index:Instance"}]
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))

    with pytest.raises(DrillRefused, match="far is called already"):
        require_callable(asked())


def test_so_is_a_cell_that_has_nothing_there(on_demand: Path) -> None:
    with pytest.raises(DrillRefused, match="nothing of beta waits for far"):
        require_callable(asked(cell="beta"))


def test_stacks_that_cannot_be_worked_on_fail_the_step_with_their_last_words(
    on_demand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = asked().as_configuration()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "ftp://nowhere")
    call_site(configuration)

    with pytest.raises(StepFailed, match="ftp://nowhere"):
        called(configuration)
    assert called_sites("trial") == (), "nothing was called"


def test_sending_back_what_is_not_there_does_nothing(on_demand: Path) -> None:
    assert send_back(asked().as_configuration())["hosts"] == []


ENGINE = """#!/bin/sh
trap 'echo "$1 $3 interrupted" >> "$DINGLI_ROOT/said"; exit 1' INT
echo "$1 $3" >> "$DINGLI_ROOT/said"
while [ "$1" = up ] && [ -e "$DINGLI_ROOT/.dingli/trial/called" ]; do sleep 0.1; done
"""


def test_a_drill_that_ends_early_stops_the_call_and_takes_everything_back(on_demand: Path) -> None:
    """An engine that is never done while the site is called, and at once afterwards."""
    engine, said = on_demand / ".dingli" / "bin" / "pulumi", on_demand / "said"
    engine.parent.mkdir(parents=True)
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    (on_demand / "roles").symlink_to(ROOT / "roles")
    configuration = asked().as_configuration()
    call_site(configuration)
    deadline = time.monotonic() + 60
    while not (said.exists() and "up trial-far" in said.read_text()):
        require_going_on(asked())
        assert time.monotonic() < deadline, "the engine was never started"
        time.sleep(0.1)
    assert called_sites("trial") == ("far",)

    send_back(configuration)
    lines = said.read_text().splitlines()
    afterwards = lines[lines.index("up trial-far interrupted") :]
    assert {f"up trial-{site}" for site in ("one", "two", "far", "ops")} <= set(afterwards)
    assert called_sites("trial") == ()


def test_a_call_that_went_well_passes_with_its_times(on_demand: Path, tmp_path: Path) -> None:
    report = verdict_on(Past(gap_ns=0), tmp_path / "work")
    page = render_html(report)

    assert (report.verdict, report.reasons) == (Verdict.PASS, [])
    assert report.site_call_s == pytest.approx(4)
    assert [(moment["at_s"], moment["what"]) for moment in report.timeline] == [
        (0.0, "the site is called"),
        (1.0, "its machines exist"),
        (3.0, "its core has caught up"),
        (4.0, "its gateway has executed an order"),
        (5.0, "the site is sent back"),
        (6.0, "its machines are gone"),
    ]
    assert "4.00 s</b><span>site call" in page
    assert "no takeover" not in page


def test_a_call_that_takes_too_long_fails(on_demand: Path, tmp_path: Path) -> None:
    report = verdict_on(Past(gap_ns=0, call_s=241), tmp_path)

    assert report.verdict is Verdict.FAIL
    assert "site call 241.00 s, target 240 s" in report.reasons
    assert any("The load had ended" in caveat for caveat in report.caveats)


def test_a_call_that_members_felt_fails(on_demand: Path, tmp_path: Path) -> None:
    report = verdict_on(Past(gap_ns=11 * SECOND), tmp_path)

    assert report.reasons == [f"service RTO {report.fault_gap_s:.2f} s, target 10 s"]


def test_a_call_whose_gateway_was_never_seen_to_trade_is_unknown(on_demand: Path, tmp_path: Path) -> None:
    past = Past(gap_ns=0, drill=CALL)
    chaos = past.chaos_journal()
    chaos["run"] = [one for one in chaos["run"] if one["activity"]["name"] != "gateway-trades"]
    report = judge(CALL, chaos, asked(), past.leave(tmp_path))

    assert (report.verdict, report.site_call_s) == (Verdict.UNKNOWN, None)
