"""A drill passes only if everything was seen and nothing was wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drills.checker import fix
from drills.checker.check import Verdict
from drills.checker.stream import of_core
from drills.judge import DrillReport, judge
from tests.unit.checker import honest
from tests.unit.drills.past import (
    AHEAD_NS,
    CORE_HANG,
    CORE_KILL,
    SECOND,
    SITE_LOSS,
    SWITCH,
    Past,
    core_settings,
    dump,
    settings,
)


def verdict_on(past: Past, folder: Path, **chaos: Any) -> DrillReport:
    return judge(SITE_LOSS, past.chaos_journal(**chaos), settings(), past.leave(folder))


def test_a_drill_that_went_well_passes_with_its_numbers(tmp_path: Path) -> None:
    report = verdict_on(Past(), tmp_path / "work")
    assert (report.verdict, report.reasons) == (Verdict.PASS, [])
    assert report.service_rto_s == pytest.approx(2.004)
    assert report.member_rto_s == {"M001": pytest.approx(2.0011, abs=1e-6), "M002": pytest.approx(2.0021, abs=1e-6)}
    assert (report.rpo_commands, report.taken_over_by) == (0, "b/minimal")
    assert report.failback_gap_s == pytest.approx(0.1)
    assert [moment["at_s"] for moment in report.timeline] == [0.0, 0.3, 2.004, 2.1, 3.0, 5.0, 6.0, 6.2]
    assert report.checker["counts"]["orders_acknowledged"] == 7


def test_a_cut_that_was_less_than_a_loss_of_power_is_told(tmp_path: Path) -> None:
    past = Past()
    chaos = past.chaos_journal()
    (fault,) = (step for step in chaos["run"] if step["activity"]["name"] == SITE_LOSS.fault)
    fault["output"]["remarks"] = ["a was shut down in order"]
    report = judge(SITE_LOSS, chaos, settings(), past.leave(tmp_path / "work"))
    assert "a was shut down in order." in report.caveats


def test_a_failed_action_fails_the_drill_that_chaos_toolkit_calls_completed(tmp_path: Path) -> None:
    past = Past(errors={"power-returns": "the switch is stuck"})
    chaos = past.chaos_journal()
    assert chaos["status"] == "completed"
    report = judge(SITE_LOSS, chaos, settings(), past.leave(tmp_path / "work"))
    assert (report.verdict, report.reasons) == (Verdict.FAIL, ["power-returns: OSError: the switch is stuck"])
    assert report.service_rto_s == pytest.approx(2.004)


def test_an_interrupted_step_has_no_status_and_fails_the_drill(tmp_path: Path) -> None:
    past = Past()
    chaos = past.chaos_journal()
    del chaos["run"][3]["status"], chaos["run"][4:]
    chaos["status"] = "interrupted"
    report = judge(SITE_LOSS, chaos, settings(), past.leave(tmp_path / "work"))
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
    report = judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.service_rto_s) == (Verdict.UNKNOWN, None)
    assert "probe.jsonl" in report.reasons[0]
    assert report.checker["verdict"] == "pass"


@pytest.mark.parametrize("missing", ["journal.jsonl", "M001.jsonl"])
def test_without_journal_or_records_the_verdict_is_unknown(tmp_path: Path, missing: str) -> None:
    past = Past()
    (past.leave(tmp_path) / missing).unlink()
    assert judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path).verdict is Verdict.UNKNOWN


def test_a_record_that_was_cut_off_makes_it_unknown(tmp_path: Path) -> None:
    past = Past()
    record = past.leave(tmp_path) / "M002.jsonl"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:-1]))
    report = judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.rpo_commands) == (Verdict.UNKNOWN, None)
    assert any("no footer" in reason for reason in report.reasons)


def test_no_acknowledgement_under_a_newer_epoch_is_unknown(tmp_path: Path) -> None:
    past = Past()
    probe = past.leave(tmp_path) / "probe.jsonl"
    probe.write_text(probe.read_text().replace('"epoch": 8', '"epoch": 7'))
    report = judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path)
    assert (report.verdict, report.service_rto_s) == (Verdict.UNKNOWN, None)
    assert any("newer epoch" in reason for reason in report.reasons)


def test_a_gateway_that_no_probe_watched_makes_it_unknown(tmp_path: Path) -> None:
    past = Past()
    probe = past.leave(tmp_path) / "probe.jsonl"
    probe.write_text("".join(line for line in probe.read_text().splitlines(keepends=True) if '"a"' not in line))
    report = judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path)
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
    assert judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path).verdict is Verdict.FAIL


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
    assert judge(SITE_LOSS, past.chaos_journal(), settings(), tmp_path).rpo_ids == ["M002/b9"]


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
    report = judge(SITE_LOSS, chaos, settings(), past.leave(tmp_path))
    assert report.service_rto_s == pytest.approx(3.004)
    assert report.member_rto_s["M001"] == pytest.approx(3.0011, abs=1e-6)


def verdict_on_core(past: Past, folder: Path) -> DrillReport:
    return judge(past.drill, past.chaos_journal(), core_settings(), past.leave(folder))


def test_a_killed_core_is_held_to_a_target_of_its_own(tmp_path: Path) -> None:
    quick = verdict_on_core(Past(drill=CORE_KILL, gap_ns=SECOND), tmp_path / "quick")
    assert (quick.verdict, quick.reasons) == (Verdict.PASS, [])
    assert quick.service_rto_s == pytest.approx(1.004)
    assert quick.title == "Death of a/main"
    assert quick.timeline[0] == {"at_s": 0.0, "what": "the active core is killed"}
    slow = verdict_on_core(Past(drill=CORE_KILL, gap_ns=3 * SECOND), tmp_path / "slow")
    assert (slow.verdict, slow.reasons) == (Verdict.FAIL, ["service RTO 3.00 s, target 2 s"])


def test_a_report_that_comes_doubled_after_a_hang_fails(tmp_path: Path) -> None:
    past = Past(drill=CORE_HANG)
    mine = [line for line in past.lines if line["s"] == "M002" and line["e"] == "recv"]
    again = next(line for line in mine if "\x0111=b9\x01" in line["raw"])
    tags = dict(fix.parse(again["raw"])) | {"34": "99", "17": f"1.8.{past.head + 1}.1"}
    raw = honest.message({tag: value for tag, value in tags.items() if tag not in ("8", "9", "10")})
    past.lines.append({**again, "raw": raw, "t": again["t"] + SECOND})
    report = verdict_on_core(past, tmp_path)
    assert report.verdict is Verdict.FAIL
    assert any(reason.startswith("doubled: ") for reason in report.reasons)


def test_what_an_old_leader_wrote_after_it_went_on_fails(tmp_path: Path) -> None:
    past = Past(drill=CORE_HANG)
    past.journal.epoch -= 1
    past.journal.append([of_core("Tick")])
    past.head += 1
    report = verdict_on_core(past, tmp_path)
    assert report.verdict is Verdict.FAIL
    assert any("a leader that was replaced" in reason for reason in report.reasons)


def test_a_switch_is_judged_by_the_longer_gap_of_there_and_back(tmp_path: Path) -> None:
    short = verdict_on_core(Past(drill=SWITCH, gap_ns=SECOND // 5), tmp_path / "short")
    assert (short.verdict, short.reasons) == (Verdict.PASS, [])
    assert short.switch_gap_s == pytest.approx(0.3)
    assert short.failback_gap_s == pytest.approx(0.1)
    long = verdict_on_core(Past(drill=SWITCH, gap_ns=SECOND), tmp_path / "long")
    assert (long.verdict, long.reasons) == (Verdict.FAIL, ["switch gap 1.10 s, target 0.5 s"])


def test_another_drill_has_no_switch_gap(tmp_path: Path) -> None:
    assert verdict_on_core(Past(drill=CORE_KILL, gap_ns=SECOND), tmp_path).switch_gap_s is None


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([(0, 9), (50, 9), (1_200, 9)], "cell beta was silent for 1.15 s"),
        ([(0, 9), (50, 9), (100, 11)], "leadership of cell beta changed meanwhile: epochs [9, 11]"),
    ],
)
def test_another_cell_that_feels_the_death_of_a_core_fails_the_drill(
    tmp_path: Path, seen: list[tuple[int, int]], why: str
) -> None:
    report = verdict_on_core(Past(drill=CORE_KILL, gap_ns=SECOND, elsewhere=seen), tmp_path / "core")
    assert report.verdict is Verdict.FAIL
    assert any(why in reason for reason in report.reasons)
    lost = verdict_on(Past(elsewhere=seen), tmp_path / "site")
    assert (lost.verdict, list(lost.other_cells)) == (Verdict.PASS, ["beta"]), "a lost site may strike it too"


def test_another_cell_that_nobody_watched_makes_it_unknown(tmp_path: Path) -> None:
    report = verdict_on_core(Past(drill=CORE_KILL, gap_ns=SECOND, elsewhere=[]), tmp_path)
    assert report.verdict is Verdict.UNKNOWN
    assert any("cell beta acknowledged fewer than two" in reason for reason in report.reasons)


def test_a_lost_site_that_does_not_lead_is_judged_by_its_silence(tmp_path: Path) -> None:
    past = Past()
    report = judge(SITE_LOSS, past.chaos_journal(), settings(site="far"), past.leave(tmp_path))
    assert (report.verdict, report.reasons) == (Verdict.PASS, [])
    assert report.service_rto_s == report.fault_gap_s == pytest.approx(2.1)
    assert report.member_rto_s == {}
