"""The checker finds what went wrong, and says *unknown* where it saw too little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drills.checker import fix, record
from drills.checker.check import Kind, Report, Verdict, check, replay
from drills.checker.record import Incomplete
from drills.checker.stream import Journal, of_session
from tests.unit.checker import honest

Lines = list[honest.Line]


def verdict_on(tmp_path: Path, written: Lines, journal: Journal) -> Report:
    """The checker's report on these lines and this journal."""
    entries = journal.entries
    return check(
        record.read([honest.write(tmp_path / "client.jsonl", written)]), replay("alpha", entries, len(entries))
    )


def kinds(report: Report) -> set[Kind]:
    """Kinds of all findings."""
    return {finding.kind for finding in report.findings}


def receives(written: Lines, session: str, **tags: str) -> Lines:
    """The received lines whose message has these tags."""
    wanted = {tag.removeprefix("t"): value for tag, value in tags.items()}
    return [
        line
        for line in written
        if line["e"] == "recv" and line["s"] == session and wanted.items() <= dict(fix.parse(line["raw"])).items()
    ]


def changed(line: honest.Line, **tags: str) -> str:
    """The line's message with tags replaced."""
    pairs = {tag: value for tag, value in fix.parse(line["raw"]) if tag not in ("8", "9", "10")}
    return honest.message(pairs | {tag.removeprefix("t"): value for tag, value in tags.items()})


def test_an_honest_record_passes(tmp_path: Path) -> None:
    journal = honest.trading_day()
    report = verdict_on(tmp_path, honest.lines(journal), journal)
    assert (report.verdict, report.findings, report.lost) == (Verdict.PASS, [], [])
    assert report.counts["orders_acknowledged"] == 5
    assert report.counts["fills"] == 2


def test_an_acknowledged_order_missing_from_the_journal_is_lost(tmp_path: Path) -> None:
    told = honest.lines(honest.trading_day())
    shorter = honest.trading_day()
    kept = Journal()
    for number, data in enumerate(shorter.entries[:-1]):
        kept.entries.append(data)
        kept.executed += [one for one in shorter.executed if one.n == number + 1]
    report = verdict_on(tmp_path, told, kept)
    assert report.verdict is Verdict.FAIL
    assert report.lost == ["M002/b3"]


def test_an_order_accepted_twice_is_doubled(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    accepted = receives(written, "M002", t150="0", t11="b2")[0]
    last = max(int(dict(fix.parse(line["raw"]))["34"]) for line in receives(written, "M002"))
    again = {**accepted, "raw": changed(accepted, t17="1.7.99.1", t34=str(last + 1)), "t": accepted["t"] + 10**10}
    assert Kind.DOUBLED in kinds(verdict_on(tmp_path, [*written, again], journal))


def test_one_message_executed_twice_is_doubled(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    journal.append([honest.new("M002", 5, "b3", "1", 6, 68_000_000)])
    assert Kind.DOUBLED in kinds(verdict_on(tmp_path, written, journal))


def test_a_report_of_something_that_never_happened_is_invented(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    fill = receives(written, "M001", t150="F")[0]
    index = written.index(fill)
    written[index] = {**fill, "raw": changed(fill, t17="1.7.5.77")}
    assert Kind.INVENTED in kinds(verdict_on(tmp_path, written, journal))


def test_an_order_in_the_journal_that_nobody_sent_is_invented(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = [line for line in honest.lines(journal) if not (line["e"] == "send" and "\x0111=b2\x01" in line["raw"])]
    assert Kind.INVENTED in kinds(verdict_on(tmp_path, written, journal))


def test_fills_beyond_the_quantity_are_overfilled(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    fill = receives(written, "M001", t150="F")[0]
    written[written.index(fill)] = {**fill, "raw": changed(fill, t32="9")}
    found = kinds(verdict_on(tmp_path, written, journal))
    assert {Kind.OVERFILLED, Kind.DIFFERENT} <= found


def test_an_answer_seen_before_a_call_must_stand_before_it(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    early = next(line for line in written if line["e"] == "send" and "\x0111=a1\x01" in line["raw"])
    early["t"] += 2_500_000  # after b1, which stands behind it, was answered
    found = [one for one in verdict_on(tmp_path, written, journal).findings if one.kind is Kind.REORDERED]
    assert [one.session for one in found] == ["M001"]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [({"t44": "1"}, Kind.DIFFERENT), ({"t151": "1"}, Kind.DIFFERENT), ({"t6": "1"}, Kind.DIFFERENT)],
)
def test_a_field_that_differs_from_the_replay_is_found(tmp_path: Path, tags: dict[str, str], kind: Kind) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    report = receives(written, "M001", t150="0")[0]
    written[written.index(report)] = {**report, "raw": changed(report, **tags)}
    assert kind in kinds(verdict_on(tmp_path, written, journal))


def test_a_fill_after_an_acknowledged_cancel_is_found(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    cancelled = receives(written, "M001", t150="4")[0]
    number = int(dict(fix.parse(cancelled["raw"]))["34"]) + 5
    fill = receives(written, "M001", t150="F")[0]
    late = {**fill, "t": cancelled["t"] + 1, "raw": changed(fill, t11="a2", t17="1.7.90.1", t34=str(number))}
    assert Kind.FILL_AFTER_END in kinds(verdict_on(tmp_path, [*written, late], journal))


def test_a_hole_in_a_session_is_found(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    written.remove(receives(written, "M001", t150="F")[0])
    assert {Kind.UNSEEN, Kind.ONE_SIDED} <= kinds(verdict_on(tmp_path, written, journal))


def test_a_repeat_must_be_identical(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    fill = receives(written, "M001", t150="F")[0]
    same = {**fill, "t": fill["t"] + 5, "raw": changed(fill, t43="Y", t122="20261121-00:00:00.000")}
    assert verdict_on(tmp_path, [*written, same], journal).verdict is Verdict.PASS
    other = {**fill, "t": fill["t"] + 6, "raw": changed(fill, t43="Y", t14="3")}
    (tmp_path / "client.jsonl").unlink()
    assert Kind.REPEAT_DIFFERS in kinds(verdict_on(tmp_path, [*written, other], journal))


def test_an_entry_of_a_leader_that_was_replaced_is_found(tmp_path: Path) -> None:
    journal = honest.trading_day()
    journal.epoch = 8
    journal.append([honest.new("M002", 5, "b4", "1", 1, 60_000_000)])
    journal.epoch = 7
    journal.append([honest.new("M001", 5, "a4", "2", 1, 70_000_000)])
    report = verdict_on(tmp_path, honest.lines(journal), journal)
    assert [finding.kind for finding in report.findings] == [Kind.OLD_LEADER]
    assert "epoch 7, after one under epoch 8" in report.findings[0].what


def test_a_leaders_hash_that_the_reference_does_not_share_is_found(tmp_path: Path) -> None:
    journal = honest.trading_day()
    written = honest.lines(journal)
    data = bytearray(journal.entries[-1])
    data[50] ^= 1
    journal.entries[-1] = bytes(data)
    assert Kind.JOURNAL in kinds(verdict_on(tmp_path, written, journal))


def _without_footer(path: Path, written: Lines) -> None:
    honest.write(path, written, footer=False)


def _cut_in_the_middle(path: Path, written: Lines) -> None:
    text = honest.write(path, written).read_text()
    path.write_text(text[: len(text) // 2])


def _with_a_line_missing(path: Path, written: Lines) -> None:
    text = honest.write(path, written).read_text().splitlines()
    path.write_text("\n".join(text[:3] + text[4:]) + "\n")


def _unresolved(path: Path, written: Lines) -> None:
    honest.write(path, [line for line in written if line["e"] != "resolved"])


def _reconnected_after_it_was_resolved(path: Path, written: Lines) -> None:
    honest.write(path, [*written, {"e": "connect", "t": 2**62, "s": "M001"}])


@pytest.mark.parametrize(
    "spoil",
    [_without_footer, _cut_in_the_middle, _with_a_line_missing, _unresolved, _reconnected_after_it_was_resolved],
)
def test_a_truncated_record_cannot_support_a_verdict(tmp_path: Path, spoil: Callable[[Path, Lines], Any]) -> None:
    spoil(tmp_path / "client.jsonl", honest.lines(honest.trading_day()))
    with pytest.raises(Incomplete):
        record.read([tmp_path / "client.jsonl"])


def test_no_record_and_an_empty_one_are_not_a_pass(tmp_path: Path) -> None:
    journal = honest.trading_day()
    with pytest.raises(Incomplete):
        record.read([])
    only_logons = [line for line in honest.lines(journal) if line["e"] in ("connect", "resolved")]
    assert verdict_on(tmp_path, only_logons, journal).verdict is not Verdict.PASS


def test_a_journal_that_ends_early_or_has_a_hole_cannot_support_a_verdict() -> None:
    entries = honest.trading_day().entries
    with pytest.raises(Incomplete, match="ends at"):
        replay("alpha", entries[:-1], len(entries))
    with pytest.raises(Incomplete, match="another cell"):
        replay("beta", entries, len(entries))
    with pytest.raises(Incomplete, match="expected 3"):
        replay("alpha", entries[:2] + entries[3:], len(entries))


def test_what_an_earlier_record_was_told_is_not_held_against_this_one(tmp_path: Path) -> None:
    """M002's order of yesterday is filled by M001 just before M002's new run begins: nobody is left to hear of it."""
    journal = honest.trading_day()
    earlier = len(journal.executed)
    later = honest.CONNECTION + 1
    journal.append([of_session("Logon", "M001", later, 1, heartbeat_s=5, reset=1)])
    journal.append([honest.new("M001", 2, "n1", "2", 3, 67_000_000) | {"connection": later}])
    journal.append([of_session("Logon", "M002", later, 1, heartbeat_s=5, reset=1)])
    journal.append([honest.new("M002", 2, "n2", "1", 1, 67_000_000) | {"connection": later}])
    today = [one for one in honest.lines(journal) if one["e"] == "resolved" or one["t"] == 0]
    start = journal.executed[earlier].time_ns - 100_000
    today += [one for one in honest.lines(journal) if start <= one["t"] < 2**62]
    told = receives(today, "M002", t34="1")[0]["t"]
    today = [one for one in today if not (one["e"] == "recv" and one["s"] == "M002" and one["t"] < told)]
    report = verdict_on(tmp_path, sorted(today, key=lambda one: one["t"]), journal)
    assert (report.verdict, report.findings) == (Verdict.PASS, [])
    assert report.counts["fills"] == 1
