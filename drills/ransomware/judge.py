"""The verdict on an attack, from what the drill left behind alone: it can be given again, offline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drills.checker.check import Verdict
from drills.experiment import Drill
from drills.judge import Step, failed_steps, steps_of, sum_of_programs
from drills.ransomware import attempts, ledger, restoring
from drills.ransomware.attempts import let_through
from drills.ransomware.ledger import JOURNAL, LEDGER
from drills.ransomware.proofs import Outcome
from drills.ransomware.restoring import RESTORED, differences
from drills.ransomware.settings import Settings
from drills.ransomware.steps import ATTACK, BACK, CANARY, PROOFS, REMOVED, WRITTEN

__all__ = ["RansomReport", "judge"]

_MOST_FINDINGS = 20


@dataclass
class RansomReport:
    """Everything a reader of the drill needs; times in seconds. The dictionaries are what the steps left."""

    drill: str
    title: str
    environment: str
    bucket: str
    run_id: str
    restore_target_s: float
    verdict: Verdict = Verdict.UNKNOWN
    reasons: list[str] = field(default_factory=list)
    started: str = ""
    restore_s: float | None = None
    written_down: dict[str, Any] = field(default_factory=dict)
    canary: dict[str, Any] = field(default_factory=dict)
    attack: dict[str, Any] = field(default_factory=dict)
    restored: dict[str, Any] = field(default_factory=dict)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    removed: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    judged_by: str = field(default_factory=sum_of_programs)

    @property
    def attempts(self) -> dict[str, dict[str, Any]]:
        """On the archive's objects and on its bucket: how often done, and how often refused with which codes."""
        return {**self.attack.get("tried", {}), **self.attack.get("bucket", {})}

    @property
    def objects(self) -> int:
        """Written down before the attack."""
        return sum(one["objects"] for one in self.written_down.get("kinds", {}).values())

    @property
    def refused(self) -> int:
        """How often the storage refused."""
        return sum(sum(one["refused"].values()) for one in self.attempts.values())

    def as_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "objects": self.objects, "refused": self.refused}

    def lines(self) -> list[str]:
        """For the terminal."""
        took = "not measured" if self.restore_s is None else f"{self.restore_s:.2f} s"
        done = {what: one["done"] for what, one in self.attempts.items() if one["done"]}
        words = ", ".join(f"{what} {count}" for what, count in done.items()) or "nothing"
        kinds = [f"{kind} {one['objects']}" for kind, one in self.restored.get("kinds", {}).items()]
        return [
            f"attacked     {self.attack.get('objects', 0)} of {self.objects} objects; done: {words}; "
            f"refused: {self.refused} attempts",
            f"restored     {took}: {', '.join(kinds) or 'nothing'}",
            *(f"{one['outcome']:12} {one['what']}: {one['words']}" for one in self.proofs),
            f"removed      {self.removed.get('removed', 0)} of what the drill added",
        ]


def judge(drill: Drill, journal: dict[str, Any], settings: Settings, folder: Path) -> RansomReport:
    """Reads Chaos Toolkit's journal, and what the steps left in `folder`.

    A failed step fails the drill, as does a sum that differs, a broken promise or a missed target; too little seen is
    unknown.
    """
    environment = settings.environment
    report = RansomReport(
        drill.name, drill.titled(settings), environment.name, settings.bucket, settings.run_id,
        environment.targets.restore_s,
    )  # fmt: skip
    report.steps = steps_of(journal)
    report.started = str(journal.get("start", ""))
    proven, doubts = failed_steps(report.steps, journal), []
    if not journal.get("run"):
        doubts.append("no step of the drill was begun: nothing was touched, and nothing measured")
    else:
        missing = _read(report, folder)
        doubts += [] if proven else missing  # a step that failed has said why
        for part in (_sums, _promises, _times, _proofs):
            try:
                proven += part(report, folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                doubts.append(f"could not be judged: {type(error).__name__}: {error}")
        doubts += _too_little(report)
    report.caveats = _caveats(report, settings)
    report.verdict = Verdict.FAIL if proven else Verdict.UNKNOWN if doubts else Verdict.PASS
    report.reasons = list(dict.fromkeys([*proven, *doubts]))
    return report


def _read(report: RansomReport, folder: Path) -> list[str]:
    """What the steps left, as far as they did."""
    takes: dict[str, Callable[[Any], None]] = {
        WRITTEN: lambda facts: setattr(report, "written_down", facts),
        CANARY: lambda facts: setattr(report, "canary", facts),
        ATTACK: lambda facts: setattr(report, "attack", facts),
        BACK: lambda facts: setattr(report, "restored", facts),
        PROOFS: lambda facts: setattr(report, "proofs", facts["proofs"]),
        REMOVED: lambda facts: setattr(report, "removed", facts),
    }
    doubts = []
    for name, take in takes.items():
        try:
            take(json.loads((folder / name).read_text()))
        except (OSError, ValueError, KeyError) as error:
            doubts.append(f"{name} cannot be read ({type(error).__name__}): its step left too little")
    return doubts


def _sums(report: RansomReport, folder: Path) -> list[str]:
    """Compared again here, from the files."""
    if not report.restored:
        return []
    before = folder / LEDGER
    if hashlib.sha256(before.read_bytes()).hexdigest() != report.written_down["sha256"]:
        return [f"{LEDGER} is not what was written down before the attack"]
    return differences(ledger.read(before), restoring.read(folder / RESTORED))[:_MOST_FINDINGS]


def _promises(report: RansomReport, _: Path) -> list[str]:
    places = [
        ("an object of the drill's own", report.canary.get("object", {}).get("tried", {})),
        ("a bucket of the drill's own", report.canary.get("bucket", {}).get("tried", {})),
        ("the archive", report.attempts),
    ]
    return [f"let through on {where}: {what}" for where, acts in places for what in let_through(acts)]


def _times(report: RansomReport, _: Path) -> list[str]:
    if not report.restored:
        return []
    report.restore_s, most = float(report.restored["seconds"]), report.restore_target_s
    return [f"restored in {report.restore_s:.2f} s, target {most:g} s"] if report.restore_s > most else []


def _proofs(report: RansomReport, _: Path) -> list[str]:
    return [f"{one['what']}: {one['words']}" for one in report.proofs if one["outcome"] == Outcome.FAILED]


def _too_little(report: RansomReport) -> list[str]:
    if not report.attack:
        return []
    doubts = [f"not attacked, its lock would have been over too soon: {one}" for one in report.attack["spared"]]
    if report.attack["objects"] < report.objects:
        doubts.append(f"only {report.attack['objects']} of {report.objects} objects were attacked")
    if not report.canary["object"]["marks_can_be_removed"]:
        doubts.append(
            "these credentials cannot remove what they add: nothing but the canary was overwritten or marked as "
            "deleted, since it would have stayed so"
        )
    if not report.written_down["kinds"][JOURNAL]["objects"]:
        doubts.append("no part of any journal is archived yet: there was none to attack")
    return doubts


def _caveats(report: RansomReport, settings: Settings) -> list[str]:
    found = ["The attacker had the archiver's credentials, not the service itself: its disks, its root, its clock."]
    if settings.is_lab:
        found.append("On a lab's cloud buckets are in the memory of one process, which refuses as S3 does.")
    if report.canary and not report.canary.get("bucket", {}).get("had", True):
        found.append("These credentials may not make a bucket: nothing was tried on one of the drill's own.")
    if report.attack and not report.attack["bucket_tried"]:
        found.append(
            "Switching off the bucket's versions and lock, and deleting it, was not tried: in production only what a "
            "bucket of the drill's own has withstood is."
        )
    tried = {**report.canary.get("bucket", {}).get("tried", {}), **report.attempts}
    may = [what for what in (attempts.EXPIRE, attempts.DEFAULT_LOCK) if tried.get(what, {}).get("done")]
    if may:
        found.append(
            f"These credentials may also: {', '.join(may)}. Locked versions outlast it; an archiver does not need it."
        )
    found += [f"{one['what']}: {one['words']}" for one in report.proofs if one["outcome"] == Outcome.NOT_TRIED]
    if canary := report.canary.get("object"):
        found.append(f"Stays in the bucket: the fresh copies, and {canary['key']} until {canary['locked_until']}.")
    found += [f"Could not be removed: {one}" for one in report.removed.get("left", [])[:_MOST_FINDINGS]]
    return found
