"""The control that makes a Chaos Toolkit experiment a drill.

Before: one drill at a time, the plan is shown, a person says yes (or --yes, on a lab only). After each activity: a
line of evidence and of progress. After the experiment: the verdict, the report, evidence closed.

What Chaos Toolkit would do otherwise, and what is done about it here:
- It calls an experiment whose actions failed "completed": a failed step fails the drill, and the fault is not set when
  an earlier step failed.
- It goes on when a control raises anything but InterruptExecution: whatever goes wrong before the start is a refusal.
- It plays rollbacks even when nothing was begun: they count from the first step of the method on.
- A second Ctrl-C ends the rollbacks: signals wait until they are done. SIGTERM and SIGHUP are a Ctrl-C.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from types import FrameType
from typing import IO, Any

from chaoslib.exceptions import InterruptExecution

from dingli import evidence
from dingli.environment import EnvironmentKind, state_dir
from dingli.exceptions import DingliError
from drills import report as reports
from drills.checker.check import Verdict
from drills.exceptions import DrillRefused
from drills.experiment import LED_BY, Drill
from drills.judge import error_of
from drills.kinds import Asked, Judged, kind_of

__all__ = [
    "Held",
    "after_activity_control",
    "after_experiment_control",
    "before_activity_control",
    "before_experiment_control",
    "before_method_control",
    "before_rollback_control",
]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_RESULTS = {
    Verdict.PASS: evidence.Result.PASSED,
    Verdict.FAIL: evidence.Result.FAILED,
    Verdict.UNKNOWN: evidence.Result.UNKNOWN,
}


class Held:
    """What one run holds from its first to its last moment; there is one run in a process."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.settings: Asked | None = None
        self.run: evidence.Run | None = None
        self.report: Judged | None = None
        self.refused: DingliError | None = None
        self.rollbacks: list[dict[str, Any]] = []
        self.failed_steps: list[str] = []
        self.left_out = False
        """The fault, since something failed before it."""


held = Held()


def before_experiment_control(context: dict[str, Any], configuration: dict[str, Any], **_: Any) -> None:
    """Plan, confirmation, lock, evidence. A refusal interrupts the experiment before anything was touched."""
    whole = dict(context)
    held.rollbacks, context["rollbacks"] = context.get("rollbacks", []), []
    try:
        _begin(whole, configuration)
    except (Exception, KeyboardInterrupt) as refusal:
        held.refused = refusal if isinstance(refusal, DingliError) else DrillRefused(f"{type(refusal).__name__}")
        print(f"refused: {refusal or type(refusal).__name__}\nnothing was touched", file=sys.stderr)
        chatter = logging.getLogger("chaostoolkit")  # it would go on to speak of rollbacks, of which there are none
        held.stack.callback(chatter.setLevel, chatter.level)
        chatter.setLevel(logging.CRITICAL + 1)
        raise InterruptExecution(str(refusal)) from refusal


def _begin(experiment: dict[str, Any], configuration: dict[str, Any]) -> None:
    drill = Drill.of(experiment)
    kind = kind_of(drill)
    asked = kind.settings({**configuration, "run_id": ""})
    settings: Asked = replace(asked, run_id=time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    _only_one(settings)
    plan = kind.plan(drill, experiment, settings)
    for line in plan:
        print(line, file=sys.stderr, flush=True)
    _confirm(settings, bool(configuration.get("assume_yes")))
    title = f"{drill.name}: {drill.titled(settings)}"
    held.run = held.stack.enter_context(evidence.run(settings.environment, kind="drill", title=title))
    held.run.event("plan", drill=drill.name, run_id=settings.run_id, lines=plan)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            held.stack.callback(signal.signal, number, signal.signal(number, signal.default_int_handler))
    held.settings = settings
    configuration["run_id"] = settings.run_id  # without it no action touches anything


def _only_one(settings: Asked) -> None:
    folder = state_dir(settings.environment.name)
    folder.mkdir(parents=True, exist_ok=True)
    lock: IO[str] = held.stack.enter_context((folder / "drill.lock").open("a+"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise DrillRefused(f"another drill is running: {lock.read().strip()}", "one at a time", "wait for it") from None
    lock.truncate(0)
    lock.write(f"run {settings.run_id}")
    lock.flush()


def _confirm(settings: Asked, assume_yes: bool) -> None:
    environment = settings.environment
    is_lab = environment.kind is EnvironmentKind.LAB
    if assume_yes:
        if is_lab:
            return
        raise DrillRefused("--yes on a production environment", "a person who types its name", "run it in a terminal")
    if not sys.stdin.isatty():
        raise DrillRefused("nobody to ask: standard input is no terminal", "a yes", "pass --yes (kind: lab only)")
    wanted = "yes" if is_lab else environment.name
    if input(f"Type {wanted!r} to go on: ").strip() != wanted:
        raise DrillRefused("no confirmation", repr(wanted), "nothing was touched")


def before_method_control(context: dict[str, Any], **_: Any) -> None:
    """From here on there is something to put back."""
    context["rollbacks"] = held.rollbacks


def before_activity_control(context: dict[str, Any], fault: str = "", **_: Any) -> None:
    """No fault is set where an earlier step failed: it could not be measured."""
    if context["name"] == fault and held.failed_steps:
        held.left_out = True
        raise InterruptExecution(f"{fault} is left out, since {', '.join(held.failed_steps)} failed")


def after_activity_control(
    context: dict[str, Any], state: dict[str, Any] | None, configuration: dict[str, Any] | None = None, **_: Any
) -> None:
    """One line for the record, one for the person who watches."""
    state = state or {}  # none: interrupted
    name, status = context["name"], state.get("status", "interrupted")
    seconds, error = float(state.get("duration") or 0.0), error_of(state)
    if status != "succeeded":
        held.failed_steps.append(name)
    elif name == LED_BY and configuration is not None:
        configuration["epoch"] = str(state["output"]["epoch"])  # activities get copies of what it is from now on
    if held.run is not None:
        held.run.event("step", step=name, status=status, duration_s=seconds, output=state.get("output"), error=error)
        _keep_at_once(held.run, state.get("output"))
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(f"  {name:24} {status:11} {seconds:7.2f} s  {error}", file=sys.stderr, flush=True)


def _keep_at_once(run: evidence.Run, output: Any) -> None:
    """What a step says must be in the evidence before the next one begins: its files, by name."""
    if held.settings is not None and isinstance(output, dict):
        for name in output.get("evidence", []):
            run.add_raw(name, (held.settings.workspace / name).read_bytes())


def before_rollback_control(**_: Any) -> None:
    """Nobody's impatience may leave a fault behind."""
    for number in _SIGNALS:
        signal.signal(number, _not_now)


def _not_now(_signal: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"putting everything back, please wait\n")


def after_experiment_control(context: dict[str, Any], state: dict[str, Any], **_: Any) -> None:
    """The verdict. Without a run that began there is none to give."""
    settings, run = held.settings, held.run
    if settings is None or run is None:
        held.stack.close()
        return
    state["deviated"], deviated = True, state.get("deviated")  # `chaos run` exits with an error unless all goes well
    try:
        try:
            report = _keep(context, {**state, "deviated": deviated}, settings, run)
        finally:
            held.stack.close()
    except Exception as error:
        print(f"no verdict: {type(error).__name__}: {error}", file=sys.stderr)
        raise
    held.report = report
    state["dingli"] = {"verdict": str(report.verdict), "evidence": str(run.folder)}
    if report.verdict is Verdict.PASS:
        state["deviated"] = deviated


def _keep(experiment: dict[str, Any], state: dict[str, Any], settings: Asked, run: evidence.Run) -> Judged:
    """Judges, and puts all that the verdict rests on into evidence; a run that breaks here ends as unknown."""
    drill = Drill.of(experiment)
    kind = kind_of(drill)
    report: Judged = kind.judge(drill, state, settings, settings.workspace)
    run.event("verdict", verdict=report.verdict, reasons=report.reasons)
    run.report(report.as_data(), kind.html(report))
    run.add_raw("junit.xml", reports.junit(report))
    run.add_raw("settings.json", json.dumps({"drill": asdict(drill), **settings.as_configuration()}, indent=1))
    run.add_raw("chaos-journal.json", json.dumps(state, indent=1, default=str))
    for path in sorted(path for path in settings.workspace.glob("*") if path.is_file()):
        if not (run.raw / path.name).exists():
            run.add_raw(path.name, path.read_bytes())
    interrupted = state["status"] == "interrupted" and not held.left_out
    run.result = evidence.Result.INTERRUPTED if interrupted else _RESULTS[report.verdict]
    return report
