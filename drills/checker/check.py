"""The verdict: what clients were told, against the journal replayed by the reference.

A finding is a proof that something went wrong. Too little to go by is *unknown*, never *pass*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from drills.checker import fix
from drills.checker.record import ClientRecord, Incomplete, Message
from drills.checker.reference import Reference
from drills.checker.state import EXECUTED, Executed
from drills.checker.wire import Entry, Record, WireError


class Verdict(StrEnum):
    """Pass only if everything could be compared and nothing was found."""

    PASS = "pass"  # noqa: S105 (a verdict)
    FAIL = "fail"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What kind of wrong a finding is."""

    LOST = "lost"
    DOUBLED = "doubled"
    INVENTED = "invented"
    OVERFILLED = "overfilled"
    REORDERED = "reordered"
    DIFFERENT = "different"
    FILL_AFTER_END = "fill after the order's end"
    REPEAT_DIFFERS = "repeat differs"
    UNSEEN = "message never received"
    ONE_SIDED = "fill seen by one side"
    JOURNAL = "journal disagrees with the reference"
    GARBLED = "garbled message received"
    OLD_LEADER = "written by a leader that was replaced"


@dataclass(frozen=True)
class Finding:
    """One proof that something went wrong; `what` names the identifiers."""

    kind: Kind
    session: str
    what: str


@dataclass
class Report:
    """What the checker says."""

    verdict: Verdict
    why: str = ""
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass
class Replay:
    """A journal, executed."""

    cell: str
    head: int
    executed: list[Executed]
    disagreements: list[str]
    # (session, era) -> out_seq -> what should have been sent; an era ends with a reset of the numbers
    told: dict[tuple[str, int], dict[int, tuple[int, int, Record]]]
    # session -> the entries that reset its numbers
    resets: dict[str, list[int]]
    # entries of an epoch older than that of the entry before
    late: list[str] = field(default_factory=list)


def replay(cell: str, entries: Iterable[bytes], head: int) -> Replay:
    """Executes a journal from 1 to `head`; raises Incomplete when it is not all there."""
    reference = Reference(cell)
    result = Replay(cell, head, [], [], defaultdict(dict), defaultdict(list))
    newest = (0, 0)
    for data in entries:
        expected = reference.hash
        try:
            done = reference.apply(data)
        except (WireError, ValueError) as error:
            raise Incomplete(f"the journal does not replay after entry {reference.head}: {error}") from error
        entry = Entry.decode(data)
        previous = entry.previous_hash
        if (entry.generation, entry.epoch) < newest:
            result.late.append(f"entry {entry.n} under epoch {entry.epoch}, after one under epoch {newest[1]}")
        newest = max(newest, (entry.generation, entry.epoch))
        if previous != expected and reference.head == 1:
            raise Incomplete(f"the first entry does not follow the beginning of cell {cell}: another cell's journal?")
        if previous != expected:
            result.disagreements.append(
                f"entry {reference.head}: hash {previous.hex()[:16]}… found, the reference has {expected.hex()[:16]}…"
            )
        result.executed += done
        for one in done:
            for event in one.events:
                if event["type"] == "Logon" and event["reset"]:
                    result.resets[event["session"]].append(one.n)
                if event["out_seq"]:
                    era = event["session"], len(result.resets.get(event["session"], []))
                    result.told[era][event["out_seq"]] = (one.n, one.time_ns, event)
    if reference.head != head:
        raise Incomplete(f"the journal ends at {reference.head}, its head was {head}")
    return result


def check(record: ClientRecord, journal: Replay) -> Report:
    """Compares the two; a report with every finding."""
    run = _Check(record, journal)
    run.everything()
    lost = sorted({one.what for one in run.findings if one.kind is Kind.LOST})
    verdict, why = (Verdict.FAIL, f"{len(run.findings)} findings") if run.findings else (Verdict.PASS, "")
    if verdict is Verdict.PASS and not run.acknowledged:
        verdict, why = Verdict.UNKNOWN, "no order was acknowledged: there was nothing to compare"
    counts = {
        "entries": journal.head,
        "commands": len(journal.executed),
        "sent": len(record.sends),
        "received": len(record.receives),
        "orders_acknowledged": len(run.acknowledged),
        "fills": run.fills,
    }
    return Report(verdict, why, run.findings, counts, lost)


class _Check:
    def __init__(self, record: ClientRecord, journal: Replay) -> None:
        self.record, self.journal = record, journal
        self.findings: list[Finding] = []
        self.acknowledged: dict[tuple[str, str], Message] = {}
        self.fills = 0
        self.reports = [one for one in record.receives if one.kind == "8"]
        self.first_era = {session: self._eras_before(session) for session in record.sessions}
        self.positions = {
            (one.command["session"], one.command["cl_ord_id"]): (one.n, one.index)
            for one in journal.executed
            if "cl_ord_id" in one.command and one.status == EXECUTED and not _is_duplicate(one)
        }

    def found(self, kind: Kind, session: str, what: str) -> None:
        self.findings.append(Finding(kind, session, what))

    def everything(self) -> None:
        for disagreement in self.journal.disagreements:
            self.found(Kind.JOURNAL, "", disagreement)
        for late in self.journal.late:
            self.found(Kind.OLD_LEADER, "", late)
        for session, what in self.record.garbled:
            self.found(Kind.GARBLED, session, what)
        self.messages()
        self.orders()
        self.commands()
        self.order_of_operations()

    def _eras_before(self, session: str) -> int:
        """How often the session's numbers had been reset before this record began: records and journal end together."""
        ours = sum(_is_reset(one) for one in self.record.receives if one.session == session)
        return max(0, len(self.journal.resets.get(session, [])) - ours)

    def _is_ours(self, one: Executed) -> bool:
        """Whether a command was executed for a session of this record, since the record began."""
        session = one.command.get("session", "")
        if session not in self.record.sessions or one.status != EXECUTED:
            return False
        later = self.journal.resets.get(session, [])[self.first_era[session] :]
        return one.n >= (later[0] if later else 0)

    # What was received, message by message

    def messages(self) -> None:
        eras = dict(self.first_era)
        seen: dict[tuple[str, int], dict[int, Message]] = defaultdict(dict)
        filled: dict[tuple[str, int], set[int]] = defaultdict(set)
        for message in self.record.receives:
            if _is_reset(message):
                eras[message.session] += 1
            era = message.session, eras[message.session]
            if message.kind == "4":
                filled[era].update(range(message.seq, int(message.tags["36"])))
                continue
            if (first := seen[era].get(message.seq)) is not None:
                if _content(first) != _content(message):
                    self.found(
                        Kind.REPEAT_DIFFERS, message.session, f"34={message.seq}: {first.raw!r}, then {message.raw!r}"
                    )
                continue
            seen[era][message.seq] = message
            self.compare(message, era)
        expected = {key for key in self.journal.told if key[0] in eras and self._begins_after(key)}
        for era in sorted(set(seen) | expected):
            self.contiguous(era, seen[era], filled[era])

    def _begins_after(self, era: tuple[str, int]) -> bool:
        session, number = era
        first = self.first_era[session]
        return number > first or (number == first and not any(_is_reset(one) for one in self.record.receives))

    def compare(self, message: Message, era: tuple[str, int]) -> None:
        expected = self.journal.told.get(era, {}).get(message.seq)
        if expected is None:
            self.unknown_message(message, f"34={message.seq} is not in the journal")
            return
        _, time_ns, event = expected
        should, does = fix.rendered(event, time_ns, self.journal.cell), _content(message)
        if should == does:
            return
        if message.kind == "8" and does.get("17") != should.get("17"):
            self.unknown_message(message, f"34={message.seq}: the journal has ExecID {should.get('17', 'none')} there")
            return
        wrong = sorted(tag for tag in should.keys() | does.keys() if should.get(tag) != does.get(tag))
        tags = ", ".join(f"{tag}={does.get(tag, 'absent')} (expected {should.get(tag, 'absent')})" for tag in wrong)
        self.found(Kind.DIFFERENT, message.session, f"34={message.seq}: {tags}")

    def unknown_message(self, message: Message, why: str) -> None:
        tags = message.tags
        if (
            message.kind == "8"
            and tags.get("150") in ("0", "F")
            and (message.session, tags.get("11", "")) not in self.positions
        ):
            self.found(Kind.LOST, message.session, f"{message.session}/{tags.get('11')}")
        else:
            self.found(
                Kind.INVENTED, message.session, f"{why}: 35={message.kind} 17={tags.get('17')} 11={tags.get('11')}"
            )

    def contiguous(self, era: tuple[str, int], seen: dict[int, Message], filled: set[int]) -> None:
        for number, (n, _, event) in sorted(self.journal.told.get(era, {}).items()):
            business = event["type"] in ("ExecutionReport", "OrderCancelReject", "BusinessMessageReject", "Reject")
            if number not in seen and (business or number not in filled) and number < max(seen, default=0):
                self.found(Kind.UNSEEN, era[0], f"34={number} ({event['type']}, entry {n})")
            elif number not in seen and business:
                self.found(
                    Kind.UNSEEN, era[0], f"34={number} ({event['type']}, entry {n}), after the last one received"
                )

    # Order by order, from the reports alone

    def orders(self) -> None:
        by_order: dict[tuple[str, str], list[Message]] = defaultdict(list)
        sides: dict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
        for report in _once(self.reports):
            order = report.session, report.tags.get("41") or report.tags.get("11", "")
            by_order[order].append(report)
            if report.tags["150"] == "0":
                self.acknowledged.setdefault(order, report)
            if report.tags["150"] == "F":
                side = (report.session, report.tags["17"], report.tags["32"], report.tags["31"])
                sides[report.tags.get("527", "")].add(side)
        for (session, cl_ord_id), reports in by_order.items():
            self.one_order(session, cl_ord_id, reports)
        self.fills = len(sides)
        for match_id, both in sides.items():
            self.both_sides(match_id, both)

    def one_order(self, session: str, cl_ord_id: str, reports: list[Message]) -> None:
        accepted = {report.tags["17"] for report in reports if report.tags["150"] == "0"}
        if len(accepted) > 1:
            self.found(Kind.DOUBLED, session, f"{cl_ord_id}: accepted as {', '.join(sorted(accepted))}")
        fills = {report.tags["17"]: report for report in reports if report.tags["150"] == "F"}
        total = sum(int(report.tags["32"]) for report in fills.values())
        if fills and total > int(reports[0].tags["38"]):
            self.found(Kind.OVERFILLED, session, f"{cl_ord_id}: {total} filled of {reports[0].tags['38']}")
        ended: str | None = None
        for report in sorted(reports, key=lambda one: one.seq):
            if report.tags["150"] == "F" and ended is not None:
                self.found(Kind.FILL_AFTER_END, session, f"{cl_ord_id}: ExecID {report.tags['17']} after 39={ended}")
            if report.tags["150"] in ("4", "8") and report.tags["37"] != "NONE":
                ended = report.tags["39"]

    def both_sides(self, match_id: str, seen: set[tuple[str, str, str, str]]) -> None:
        amounts = {(quantity, price) for _, _, quantity, price in seen}
        if len(amounts) > 1:
            self.found(Kind.DIFFERENT, "", f"fill {match_id}: {sorted(amounts)} to its two sides")
        expected = self.sides_in_journal.get(match_id, set())
        for session, exec_id in sorted(expected - {(session, exec_id) for session, exec_id, _, _ in seen}):
            self.found(Kind.ONE_SIDED, session, f"fill {match_id}: ExecID {exec_id} never received")

    @property
    def sides_in_journal(self) -> dict[str, set[tuple[str, str]]]:
        if not hasattr(self, "_sides"):
            self._sides: dict[str, set[tuple[str, str]]] = defaultdict(set)
            # What was told before the record began (to a session's earlier numbers) was for earlier records.
            ours = [era for era in self.journal.told if era[0] in self.record.sessions and self._begins_after(era)]
            for era in ours:
                for _, _, event in self.journal.told[era].values():
                    if event["type"] == "ExecutionReport" and event["match_id"]:
                        self._sides[event["match_id"]].add((event["session"], event["exec_id"]))
        return self._sides

    # What the journal executed, against what was sent

    def commands(self) -> None:
        sent: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for message in self.record.sends:
            if message.kind in ("D", "F") and "11" in message.tags:
                sent[message.session, message.tags["11"]].append(message)
        executed: dict[tuple[str, str], list[Executed]] = defaultdict(list)
        for one in self.journal.executed:
            command = one.command
            if self._is_ours(one) and command["kind"] in ("NewOrderSingle", "OrderCancelRequest"):
                executed[command["session"], command["cl_ord_id"]].append(one)
        for key, runs in executed.items():
            session, cl_ord_id = key
            if key not in sent:
                self.found(Kind.INVENTED, session, f"entry {runs[0].n} executes {cl_ord_id}, which nobody sent")
                continue
            numbers = {message.seq for message in sent[key]}
            if len(runs) > len(numbers):
                self.found(Kind.DOUBLED, session, f"{cl_ord_id}: sent {len(numbers)} times, executed {len(runs)} times")
            if not any(_same_fields(runs[0].command, message) for message in sent[key]):
                self.found(
                    Kind.DIFFERENT, session, f"entry {runs[0].n} executes {cl_ord_id} with other fields than were sent"
                )

    # Real time: an answer seen before a call was made must come from an earlier position

    def order_of_operations(self) -> None:
        calls: dict[tuple[str, str], int] = {}
        for message in self.record.sends:
            if message.kind in ("D", "F") and message.tags.get("43") != "Y":
                calls.setdefault((message.session, message.tags.get("11", "")), message.at_ns)
        replies: dict[tuple[str, str], int] = {}
        for message in self.record.receives:
            if message.kind in ("8", "9") and message.tags.get("150") in (None, "0", "4", "8"):
                replies.setdefault((message.session, message.tags.get("11", "")), message.at_ns)
        moments = [(at, 1, key) for key, at in calls.items() if key in self.positions]
        moments += [(at, 0, key) for key, at in replies.items() if key in calls and key in self.positions]
        latest, holder = (0, 0), ("", "")
        for _, is_call, key in sorted(moments):
            position = self.positions[key]
            if not is_call and position > latest:
                latest, holder = position, key
            elif is_call and position < latest:
                self.found(
                    Kind.REORDERED, key[0],
                    f"{key[1]} was sent after {holder[1]} was answered, yet stands at {position}, before {latest}",
                )  # fmt: skip


def _is_reset(message: Message) -> bool:
    return message.kind == "A" and message.tags.get("141") == "Y"


def _content(message: Message) -> dict[str, str]:
    return {tag: value for tag, value in message.tags.items() if tag not in fix.TRANSPORT_TAGS}


def _is_duplicate(one: Executed) -> bool:
    return any(event.get("text") == "duplicate ClOrdID" for event in one.events)


def _once(reports: Iterable[Message]) -> list[Message]:
    """Reports without repeats: the first of each session and ExecID."""
    first: dict[tuple[str, str, str], Message] = {}
    for report in reports:
        first.setdefault((report.session, report.tags.get("17", ""), report.tags.get("34", "")), report)
    return list(first.values())


def _same_fields(command: Record, message: Message) -> bool:
    tags = message.tags
    if command["kind"] == "OrderCancelRequest":
        pairs = [("41", command["orig_cl_ord_id"]), ("55", command["symbol"]), ("54", command["side"])]
    else:
        pairs = [
            ("55", command["symbol"]), ("54", command["side"]), ("40", command["ord_type"]),
            ("38", str(command["quantity"])), ("44", fix.price(command["price"]) if command["price"] else None),
        ]  # fmt: skip
    return all(tags.get(tag) == value for tag, value in pairs)
