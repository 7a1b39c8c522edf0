"""A drill passes only if everything was seen and nothing was wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drills.checker.check import Verdict
from drills.judge import DrillReport, judge
from tests.unit.drills.past import AHEAD_NS, SECOND, Past, dump, settings


def verdict_on(past: Past, folder: Path, **chaos: Any) -> DrillReport:
    return judge("site_loss", past.chaos_journal(**chaos), settings(), past.leave(folder))


def test_a_drill_that_went_well_passes_with_its_numbers(tmp_path: Path) -> None:
    report = verdict_on(Past(), tmp_path / "work")
    assert (report.verdict, report.reasons) == (Verdict.PASS, [])
    assert report.service_rto_s == pytest.approx(2.004)
    assert report.member_rto_s == {"M001": pytest.approx(2.0011, abs=1e-6), "M002": pytest.approx(2.0021, abs=1e-6)}
    assert (report.rpo_commands, report.taken_over_by) == (0, "b/minimal")
    assert report.failback_gap_s == pytest.approx(0.1)
    assert [moment["at_s"] for moment in report.timeline] == [0.0, 0.3, 2.004, 2.1, 3.0, 5.0, 6.0, 6.2]
    assert report.checker["counts"]["orders_acknowledged"] == 7


def test_a_failed_action_fails_the_drill_that_chaos_toolkit_calls_completed(tmp_path: Path) -> None:
    past = Past(errors={"power-returns": "the switch is stuck"})
    chaos = past.chaos_journal()
    assert chaos["status"] == "completed"
    report = judge("site_loss", chaos, settings(), past.leave(tmp_path / "work"))
    assert (report.verdict, report.reasons) == (Verdict.FAIL, ["power-returns: OSError: the switch is stuck"])
    assert report.service_rto_s == pytest.approx(2.004)


def test_an_interrupted_step_has_no_status_and_fails_the_drill(tmp_path: Path) -> None:
    past = Past()
    chaos = past.chaos_journal()
    del chaos["run"][2]["status"], chaos["run"][3:]
    chaos["status"] = "interrupted"
    report = judge("site_loss", chaos, settings(), past.leave(tmp_path / "work"))
    assert report.verdict is Verdict.FAIL
    assert report.reasons[:2] == ["taken-over: interrupted", "the experiment ended as interrupted"]


def test_an_unsteady_cell_means_that_nothing_was_begun(tmp_path: Path) -> None:
    report = verdict_on(Past(errors={"steady": "journal members down: d"}), tmp_path / "work")
    assert report.verdict is Verdict.FAIL
    assert report.reasons[0] == "steady: OSError: journal members down: d"
    assert "nothing was touched" in report.reasons[-1]


def test_without_the_probes_output_the_verdict_is_unknown(tmp_path: Path) -> None:
    past = Past()
    (past.leave(tmp_path) / "probe.jsonl").unlink()
    report = judge("site_loss", past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.service_rto_s) == (Verdict.UNKNOWN, None)
    assert "probe.jsonl" in report.reasons[0]
    assert report.checker["verdict"] == "pass"


@pytest.mark.parametrize("missing", ["journal.jsonl", "M001.jsonl"])
def test_without_journal_or_records_the_verdict_is_unknown(tmp_path: Path, missing: str) -> None:
    past = Past()
    (past.leave(tmp_path) / missing).unlink()
    assert judge("site_loss", past.chaos_journal(), settings(), tmp_path).verdict is Verdict.UNKNOWN


def test_a_record_that_was_cut_off_makes_it_unknown(tmp_path: Path) -> None:
    past = Past()
    record = past.leave(tmp_path) / "M002.jsonl"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:-1]))
    report = judge("site_loss", past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.rpo_commands) == (Verdict.UNKNOWN, None)
    assert any("no footer" in reason for reason in report.reasons)


def test_no_acknowledgement_under_a_newer_epoch_is_unknown(tmp_path: Path) -> None:
    past = Past()
    probe = past.leave(tmp_path) / "probe.jsonl"
    probe.write_text(probe.read_text().replace('"epoch": 8', '"epoch": 7'))
    report = judge("site_loss", past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.service_rto_s) == (Verdict.UNKNOWN, None)
    assert any("newer epoch" in reason for reason in report.reasons)


def test_a_gateway_that_no_probe_watched_makes_it_unknown(tmp_path: Path) -> None:
    past = Past()
    probe = past.leave(tmp_path) / "probe.jsonl"
    probe.write_text("".join(line for line in probe.read_text().splitlines(keepends=True) if '"a"' not in line))
    report = judge("site_loss", past.chaos_journal(), settings(), tmp_path)
    assert report.verdict is Verdict.UNKNOWN
    assert report.service_rto_s == pytest.approx(2.004)
    assert any("no probe on the gateways a" in reason for reason in report.reasons)


def test_a_member_that_heard_nothing_afterwards_makes_it_unknown(tmp_path: Path) -> None:
    past = Past()
    past.lines = [line for line in past.lines if not (line["s"] == "M002" and "\x0111=b9\x01" in line.get("raw", ""))]
    past.journal.entries.pop()
    past.head -= 1
    report = verdict_on(past, tmp_path)
    assert (report.verdict, report.silent_members) == (Verdict.UNKNOWN, ["M002"])


def test_an_rto_over_its_target_fails(tmp_path: Path) -> None:
    report = verdict_on(Past(gap_ns=21 * SECOND), tmp_path)
    assert report.verdict is Verdict.FAIL
    assert report.reasons == ["service RTO 21.00 s, target 10 s", "member RTO 21.00 s, target 20 s"]


def test_a_missed_target_is_proven_even_where_something_else_was_not_seen(tmp_path: Path) -> None:
    past = Past(gap_ns=15 * SECOND)
    (past.leave(tmp_path) / "journal.jsonl").unlink()
    assert judge("site_loss", past.chaos_journal(), settings(), tmp_path).verdict is Verdict.FAIL


def test_the_times_of_an_emulated_core_are_reported_and_not_judged(tmp_path: Path) -> None:
    report = verdict_on(Past(taken_over_by="c/minimal", gap_ns=25 * SECOND), tmp_path)
    assert (report.verdict, report.reasons) == (Verdict.PASS, [])
    assert report.service_rto_s == pytest.approx(25.004)
    assert any("c" in caveat and "Emulated" in caveat for caveat in report.caveats)


def test_a_lost_order_fails_with_its_identifier(tmp_path: Path) -> None:
    past = Past()
    past.journal.entries.pop()
    past.head -= 1
    report = verdict_on(past, tmp_path)
    assert (report.verdict, report.rpo_commands, report.rpo_ids) == (Verdict.FAIL, 1, ["M002/b9"])
    assert "lost: M002/b9" in report.reasons


def test_a_lost_order_is_found_even_without_the_probe(tmp_path: Path) -> None:
    past = Past()
    past.leave(tmp_path)
    past.journal.entries.pop()
    past.head -= 1
    (tmp_path / "journal.jsonl").write_text(dump(past.journal))
    (tmp_path / "probe.jsonl").unlink()
    assert judge("site_loss", past.chaos_journal(), settings(), tmp_path).rpo_ids == ["M002/b9"]


def test_a_dump_that_ends_before_the_head_is_unknown(tmp_path: Path) -> None:
    past = Past()
    past.journal.entries.pop()
    report = verdict_on(past, tmp_path)
    assert report.verdict is Verdict.UNKNOWN
    assert any("its head was" in reason for reason in report.reasons)


def test_the_same_verdict_is_given_again_from_the_evidence_alone(tmp_path: Path, root: Path) -> None:
    past = Past()
    raw = past.leave(tmp_path / "000001-drill" / "raw")
    (raw / "chaos-journal.json").write_text(json.dumps(past.chaos_journal()))
    (raw / "settings.json").write_text(json.dumps({"drill": "site_loss", **settings().as_configuration()}))
    again = [sys.executable, "-m", "drills", str(raw.parent)]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["service_rto_s"] == pytest.approx(2.004)
    (raw / "probe.jsonl").unlink()
    assert subprocess.run(again, capture_output=True, text=True, check=False).returncode == 3


def test_the_load_hosts_clock_is_taken_into_account(tmp_path: Path) -> None:
    past = Past()
    chaos = past.chaos_journal()
    chaos["run"][0]["output"]["offset_ns"] = AHEAD_NS - SECOND  # it is less ahead: all that it saw was a second later
    report = judge("site_loss", chaos, settings(), past.leave(tmp_path))
    assert report.service_rto_s == pytest.approx(3.004)
    assert report.member_rto_s["M001"] == pytest.approx(3.0011, abs=1e-6)
