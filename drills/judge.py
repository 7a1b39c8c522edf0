"""The verdict of a drill, from what it left behind alone: it can be given again, offline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dingli.exceptions import DingliError
from drills import measure
from drills.checker import record
from drills.checker.check import Verdict, check, replay
from drills.checker.journal import read_dump
from drills.checker.record import Incomplete
from drills.exceptions import TooLittleSeen
from drills.experiment import Drill
from drills.settings import Settings

__all__ = ["DrillReport", "Step", "error_of", "failed_steps", "judge", "records", "steps_of", "sum_of_programs"]

JOURNAL = "journal.jsonl"
MOST_SILENCE_ELSEWHERE_S = 1.0
"""A cell that is not drilled answers its probe 20 times a second; a small machine may hold that up for a while."""
_MOST_FINDINGS = 20
_TOO_LITTLE = (DingliError, Incomplete, OSError, KeyError, ValueError)


@dataclass(frozen=True)
class Step:
    """One activity of the experiment."""

    name: str
    status: str
    started: str
    duration_s: float
    error: str = ""
    output: Any = None


@dataclass
class DrillReport:
    """Everything a reader of the drill needs; times in seconds."""

    drill: str
    title: str
    environment: str
    cell: str
    site: str
    run_id: str
    verdict: Verdict = Verdict.UNKNOWN
    reasons: list[str] = field(default_factory=list)
    started: str = ""
    taken_over_by: str = ""
    service_rto_s: float | None = None
    service_target_s: float | None = None
    member_rto_s: dict[str, float] = field(default_factory=dict)
    silent_members: list[str] = field(default_factory=list)
    rpo_commands: int | None = None
    rpo_ids: list[str] = field(default_factory=list)
    fault_gap_s: float | None = None
    """Longest time without an answer on any gateway, from just before the fault until after the takeover."""
    failback_gap_s: float | None = None
    switch_gap_s: float | None = None
    """The longer of both, where the fault was a switch itself."""
    site_call_s: float | None = None
    """From the call of a site on demand until its core had caught up and its gateway traded."""
    other_cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What their probes saw: the longest `gap_s`, and under which `epochs`."""
    steps: list[Step] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    buckets: list[dict[str, Any]] = field(default_factory=list)
    checker: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)
    emulated: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    judged_by: str = field(default_factory=lambda: sum_of_programs())

    @property
    def worst_member_rto_s(self) -> float | None:
        """The member that waited longest."""
        return max(self.member_rto_s.values(), default=None)

    def as_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "worst_member_rto_s": self.worst_member_rto_s}

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        times = {"service RTO": self.service_rto_s, "member RTO": self.worst_member_rto_s}
        if self.switch_gap_s is not None:
            times = {"switch gap": self.switch_gap_s}
        if self.site_call_s is not None:
            times = {"site call": self.site_call_s, "silence": self.fault_gap_s}
        for label, value in times.items():
            yield f"{label:12} " + ("not measured" if value is None else f"{value:.2f} s")
        rpo = "not measured" if self.rpo_commands is None else f"{self.rpo_commands} commands"
        yield f"RPO          {rpo} {' '.join(self.rpo_ids)}"
        for cell, seen in self.other_cells.items():
            changed = ", its leadership changed" if len(seen["epochs"]) > 1 else ""
            yield f"cell {cell:<7} longest time without an answer {seen['gap_s']:.2f} s{changed}"


def sum_of_programs() -> str:
    """SHA-256 of what gives verdicts (the sources of this package): two verdicts on one run can be told apart."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(str(path.relative_to(Path(__file__).parent)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def judge(drill: Drill, journal: dict[str, Any], settings: Settings, folder: Path) -> DrillReport:
    """Reads Chaos Toolkit's journal, and the clients' records and the dump in `folder`.

    A failed step fails the drill, as does a finding of the checker or a missed target; too little seen is unknown.
    """
    environment, title = settings.environment, drill.titled(settings)
    report = DrillReport(drill.name, title, environment.name, settings.cell.name, settings.site, settings.run_id)
    report.steps = steps_of(journal)
    report.started = str(journal.get("start", ""))
    _describe(report, drill, settings)
    doubts = []
    if not journal.get("run"):
        doubts.append("no step of the drill was begun: nothing was touched, and nothing measured")
    else:
        for part in _OF_CALLS if drill.calls_site else _OF_FAULTS:
            try:
                part(report, drill, folder, settings)
            except _TOO_LITTLE as error:
                doubts.append(f"could not be measured: {error.found if isinstance(error, DingliError) else error}")
        _draw_timeline(report, drill)
    if silent := report.silent_members:
        doubts.append(f"members that saw nothing after the takeover: {', '.join(silent)}")
    if report.checker.get("verdict") == Verdict.UNKNOWN:
        doubts.append(f"the checker could not tell: {report.checker['why']}")
    proven = [*failed_steps(report.steps, journal), *_found(report), *_missed_targets(report, settings)]
    proven += _hurt(report) if drill.others_keep_service else []
    report.verdict = Verdict.FAIL if proven else Verdict.UNKNOWN if doubts else Verdict.PASS
    report.reasons = list(dict.fromkeys([*proven, *doubts]))
    return report


def error_of(run: dict[str, Any]) -> str:
    """What an activity of Chaos Toolkit's journal died of, in one line; nothing if it did not."""
    last = (run.get("exception") or [""])[-1]
    return "; ".join(last.strip().splitlines()).removeprefix("chaoslib.exceptions.ActivityFailed: ")


def steps_of(journal: dict[str, Any]) -> list[Step]:
    """Every activity that was begun. One that a signal interrupted has no status in the journal."""
    runs = [*_hypothesis(journal, "before"), *(journal.get("run") or []), *_hypothesis(journal, "after")]
    return [
        Step(
            str(one["activity"]["name"]),
            str(one.get("status", "interrupted")),
            str(one.get("start", "")),
            float(one.get("duration", 0.0)),
            error_of(one),
            one.get("output"),
        )
        for one in [*runs, *(journal.get("rollbacks") or [])]
    ]


def _hypothesis(journal: dict[str, Any], when: str) -> list[dict[str, Any]]:
    state = (journal.get("steady_states") or {}).get(when) or {}
    return list(state.get("probes", []))


def failed_steps(steps: list[Step], journal: dict[str, Any]) -> list[str]:
    """What of the experiment did not go as it should."""
    failed = [f"{step.name}: {step.error or step.status}" for step in steps if step.status != "succeeded"]
    if journal.get("status") != "completed" and not (journal.get("status") == "failed" and failed):
        failed.append(f"the experiment ended as {journal.get('status')}")
    if journal.get("deviated"):
        failed.append("the steady state did not return")
    return failed


def _found(report: DrillReport) -> list[str]:
    findings = report.checker.get("findings", []) if report.checker.get("verdict") == Verdict.FAIL else []
    return [f"{one['kind']}: {one['what']}" for one in findings[:_MOST_FINDINGS]]


def _missed_targets(report: DrillReport, settings: Settings) -> list[str]:
    """Times of an emulated core are reported, and judged by nobody."""
    if _is_emulated(report.taken_over_by, settings):
        return []
    targets = settings.environment.targets
    pairs = [
        ("service RTO", report.service_rto_s, report.service_target_s),
        ("member RTO", report.worst_member_rto_s, targets.member_rto_s),
        ("switch gap", report.switch_gap_s, targets.switch_gap_s),
        ("site call", report.site_call_s, targets.site_call_s),
    ]
    return [
        f"{name} {took:.2f} s, target {most:g} s"
        for name, took, most in pairs
        if took is not None and most is not None and took > most
    ]


def _hurt(report: DrillReport) -> list[str]:
    """How the other cells felt what was not theirs."""
    found = []
    for cell, seen in report.other_cells.items():
        if seen["gap_s"] > MOST_SILENCE_ELSEWHERE_S:
            most = MOST_SILENCE_ELSEWHERE_S
            found.append(f"cell {cell} was silent for {seen['gap_s']:.2f} s meanwhile, at most {most:g} s expected")
        if len(seen["epochs"]) > 1:
            found.append(f"leadership of cell {cell} changed meanwhile: epochs {seen['epochs']}")
    return found


def _output(report: DrillReport, name: str) -> dict[str, Any]:
    for step in report.steps:
        if step.name == name and step.status == "succeeded" and isinstance(step.output, dict):
            return step.output
    raise TooLittleSeen(f"the step {name!r} left no result", "one")


def _describe(report: DrillReport, drill: Drill, settings: Settings) -> None:
    environment = settings.environment
    targets = environment.targets.model_dump(include={*_TARGETS})
    report.targets = {name: most for name, most in targets.items() if most is not None}
    report.service_target_s = report.targets["service_rto_s"]
    if drill.target == "core_rto_s":
        report.service_target_s = report.targets.get("core_rto_s", report.service_target_s)
    cores = [core.host for core in settings.cell.cores]
    report.emulated = sorted(name for name in cores if environment.hosts[name].emulated)
    if environment.kind == "lab" and settings.site and not drill.calls_site:
        report.caveats.append(
            "Power was cut to containers: the machine's page cache survived and the journal's members share a disk, "
            "so loss of unsynced writes was not tested."
        )
    if report.emulated:
        report.caveats.append(
            f"Emulated processor on {', '.join(report.emulated)}: correct there, but not as fast as hardware."
        )
    report.caveats.append("The journal's etcd is a common mode of failure of all cores of its cells.")


def _times(report: DrillReport, drill: Drill, folder: Path, settings: Settings) -> None:
    t0_ns, offset_ns = _t0(report, drill)
    orders = measure.read_probe(folder / measure.PROBE, offset_ns)
    report.buckets = [asdict(one) for one in measure.buckets(orders, t0_ns)]
    report.caveats += [f"{remark}." for remark in _output(report, drill.fault).get("remarks", [])]
    report.taken_over_by = str(_output(report, "taken-over")["core"])
    if settings.strikes_leader:
        report.service_rto_s = measure.service_rto_s(orders, t0_ns)
    _all_watched(orders, settings)


def _all_watched(orders: list[measure.Order], settings: Settings) -> None:
    """Those of a site on demand were not there when the probe began."""
    wanted = set(settings.cell.running_gateways) - set(settings.on_call)
    if unseen := sorted(wanted - {one.gateway for one in orders}):
        raise TooLittleSeen(f"no probe on the gateways {', '.join(unseen)}", "one on each")


def _called(report: DrillReport, drill: Drill, folder: Path, settings: Settings) -> None:
    """How long the call took; members must not have felt it, nor that the site was sent back."""
    t0_ns, offset_ns = _t0(report, drill)
    orders = measure.read_probe(folder / measure.PROBE, offset_ns)
    report.buckets = [asdict(one) for one in measure.buckets(orders, t0_ns)]
    ready_ns = max(int(_output(report, step)["at_ns"]) for step in ("core-caught-up", "gateway-trades"))
    report.site_call_s = (ready_ns - t0_ns) / 1e9
    back_ns = int(_output(report, "site-is-sent-back")["at_ns"])
    report.service_rto_s = report.fault_gap_s = measure.silence_between_s(orders, t0_ns, back_ns)
    if max((one.due_ns for one in orders), default=0) < back_ns:
        report.caveats.append("The load had ended before the site was sent back: what came later was felt by nobody.")
    _all_watched(orders, settings)


def _gap(report: DrillReport, drill: Drill, folder: Path, settings: Settings) -> None:
    """Where the fault spares the leader, this is what counts: nobody takes over."""
    t0_ns, offset_ns = _t0(report, drill)
    orders = measure.read_probe(folder / measure.PROBE, offset_ns)
    report.fault_gap_s = measure.silence_between_s(orders, t0_ns, int(_output(report, "taken-over")["at_ns"]))
    if not settings.strikes_leader:
        report.service_rto_s = report.fault_gap_s


def _members(report: DrillReport, drill: Drill, folder: Path, settings: Settings) -> None:
    if not settings.strikes_leader:
        return
    t0_ns, offset_ns = _t0(report, drill)
    probe = folder / measure.PROBE
    members = [path for path in records(folder) if not path.name.startswith("PROBE")]
    old_epoch = measure.epoch_before(measure.read_probe(probe, offset_ns), t0_ns)
    found = measure.member_rto_s(members, probe, old_epoch, t0_ns, offset_ns)
    report.member_rto_s = dict(sorted(found.items()))
    declared = set(settings.cell.members)
    report.silent_members = sorted(declared - set(report.member_rto_s))


def _failback(report: DrillReport, drill: Drill, folder: Path, _: Settings) -> None:
    """How long leadership going home was felt."""
    back = _output(report, "fail-back")
    orders = measure.read_probe(folder / measure.PROBE, _t0(report, drill)[1])
    report.failback_gap_s = measure.silence_between_s(orders, back["started_ns"], back["done_ns"])
    if report.failback_gap_s is None:
        report.caveats.append("The load had ended before leadership went home: that switch's gap was not measured.")


def _switched(report: DrillReport, drill: Drill, _folder: Path, _: Settings) -> None:
    """Only a drill of switches is judged by their gaps."""
    if drill.target != "switch_gap_s":
        return
    if report.fault_gap_s is None or report.failback_gap_s is None:
        raise TooLittleSeen("the load did not last for the switch and the switch back", "a probe during both")
    report.switch_gap_s = max(report.fault_gap_s, report.failback_gap_s)


def _elsewhere(report: DrillReport, drill: Drill, folder: Path, settings: Settings) -> None:
    for cell in settings.other_cells:
        path = folder / measure.probe_of(cell)
        if not path.exists() and not drill.others_keep_service:
            continue  # evidence from before there was another cell
        orders = measure.read_probe(path, _t0(report, drill)[1])
        gap_s = measure.longest_silence_s(orders)
        if gap_s is None:
            raise TooLittleSeen(f"cell {cell} acknowledged fewer than two of its probe's orders", "most of them")
        report.other_cells[cell] = {"gap_s": round(gap_s, 3), "epochs": measure.epochs(orders)}


def _checked(report: DrillReport, _drill: Drill, folder: Path, settings: Settings) -> None:
    dump = read_dump(folder / JOURNAL)
    journal = replay(settings.cell.name, dump.entries, int(_output(report, "collect")["head"]))
    checked = check(record.read(records(folder)), journal)
    report.checker = checked.as_data()
    report.rpo_ids, report.rpo_commands = checked.lost, len(checked.lost)


def records(folder: Path) -> list[Path]:
    """The files in which sessions of the drilled cell recorded what they sent and were told."""
    names = [path for path in folder.glob("*.jsonl") if path.name not in (JOURNAL, "record.jsonl")]
    return sorted(path for path in names if not path.name.startswith("probe"))


def _t0(report: DrillReport, drill: Drill) -> tuple[int, int]:
    """The moment of the fault, and how far the load host's clock is ahead, in nanoseconds."""
    return int(_output(report, drill.fault)["t0_ns"]), int(_output(report, "clock-offset")["offset_ns"])


_OF_FAULTS = (_times, _gap, _members, _failback, _switched, _elsewhere, _checked)
_OF_CALLS = (_called, _elsewhere, _checked)
_TARGETS = ("service_rto_s", "member_rto_s", "rpo_commands", "core_rto_s", "switch_gap_s", "site_call_s")
_MOMENTS = [
    ("the active core is killed", "core-is-killed", "t0_ns"),
    ("the active core is stopped", "core-stops", "t0_ns"),
    ("the old core goes on", "core-goes-on", "at_ns"),
    ("the site is called", "site-is-called", "t0_ns"),
    ("its machines exist", "machines-exist", "at_ns"),
    ("its core has caught up", "core-caught-up", "at_ns"),
    ("its gateway has executed an order", "gateway-trades", "at_ns"),
    ("all stacks are done", "called", "at_ns"),
    ("the site is sent back", "site-is-sent-back", "started_ns"),
    ("its machines are gone", "site-is-sent-back", "at_ns"),
    ("switch asked for", "switch-away", "t0_ns"),
    ("the site loses power", "site-loses-power", "t0_ns"),
    ("power is off everywhere", "site-loses-power", "done_ns"),
    ("{core} leads, seen from outside", "taken-over", "at_ns"),
    ("power is back", "power-returns", "at_ns"),
    ("what was struck has caught up", "rejoined", "at_ns"),
    ("fail-back asked for", "fail-back", "started_ns"),
    ("leadership is home", "fail-back", "done_ns"),
]


def _draw_timeline(report: DrillReport, drill: Drill) -> None:
    """What is known of the moments, counted from the fault."""
    outputs = {step.name: step.output for step in reversed(report.steps) if isinstance(step.output, dict)}
    t0_ns = outputs.get(drill.fault, {}).get("t0_ns")
    if t0_ns is None:
        return
    moments = [
        ((outputs[step][key] - t0_ns) / 1e9, what.format(core=report.taken_over_by or "another core"))
        for what, step, key in _MOMENTS
        if key in outputs.get(step, {})
    ]
    if report.service_rto_s is not None and report.service_rto_s != report.fault_gap_s:
        moments.append((report.service_rto_s, "first acknowledgement under the new epoch"))
    report.timeline = [{"at_s": round(at_s, 3), "what": what} for at_s, what in sorted(moments)]


def _is_emulated(core: str, settings: Settings) -> bool:
    host = core.split("/")[0]
    return host in settings.environment.hosts and settings.environment.hosts[host].emulated
