"""A drill that has happened: what members and the probe wrote, the journal, and Chaos Toolkit's own journal of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoslib.experiment import run_experiment

from drills.checker.stream import Journal, of_core
from drills.experiment import Drill
from drills.measure import probe_of
from drills.settings import Settings
from tests.unit.checker import honest

AHEAD_NS = 5_000_000_000  # the load host's clock, against the controller's
SECOND = 1_000_000_000
GAP_NS = 2 * SECOND  # from the fault to the new epoch
SITE_LOSS = Drill("site_loss", "Loss of site {site}")
CORE_KILL = Drill("core_kill", "Death of {core}", "core-is-killed", target="core_rto_s", others_keep_service=True)
CORE_HANG = Drill("core_hang", "Hang of {core}", "core-stops", others_keep_service=True)
SWITCH = Drill("switch", "Switch of {cell}", "switch-away", target="switch_gap_s", others_keep_service=True)
CALL = Drill("site_call", "Call of {site}", "site-is-called", target="site_call_s", others_keep_service=True)


@dataclass
class Past:
    """Change what shall have been different, then `leave` it in a folder and ask for `chaos_journal`."""

    taken_over_by: str = "b/minimal"
    gap_ns: int = GAP_NS
    errors: dict[str, str] = field(default_factory=dict)
    """Step -> why it failed."""
    drill: Drill = SITE_LOSS
    elsewhere: list[tuple[int, int]] = field(default_factory=lambda: [(number * 50, 9) for number in range(200)])
    """What the probe of the other cell saw: when it was answered, ms from its start, and under which epoch."""
    call_s: int = 4
    """How long it took until the site that was called traded."""

    def __post_init__(self) -> None:
        self.journal = honest.trading_day()
        self.t0_ns = self.journal.time_ns + SECOND
        self.journal.epoch += 1
        self.journal.append([of_core("EpochStart", core=self.taken_over_by)], SECOND + self.gap_ns)
        self.journal.append([honest.new("M001", 5, "a9", "2", 1, 70_000_000)])
        self.journal.append([honest.new("M002", 5, "b9", "1", 1, 60_000_000)])
        self.lines = honest.lines(self.journal)
        self.head = len(self.journal.entries)

    def leave(self, folder: Path) -> Path:
        """The files of the workspace."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("M001", "M002"):
            honest.write(folder / f"{name}.jsonl", [line for line in self.lines if line["s"] == name])
        (folder / "journal.jsonl").write_text(dump(self.journal))
        (folder / "probe.jsonl").write_text("".join(json.dumps(line) + "\n" for line in self.probe()))
        (folder / probe_of("beta")).write_text("".join(json.dumps(line) + "\n" for line in self.other_probe()))
        return folder

    def other_probe(self) -> list[dict[str, Any]]:
        """An order whenever there was an answer."""
        lines: list[dict[str, Any]] = [{"wall_ns": self.t0_ns + AHEAD_NS, "monotonic_ns": self.t0_ns}]
        for at_ms, epoch in self.elsewhere:
            due_ns = self.t0_ns - SECOND + at_ms * 1_000_000
            answer = {"due_ns": due_ns, "acked_ns": due_ns + 3_000_000, "epoch": epoch}
            lines.append({"gateway": "b", "cl_ord_id": f"P-{at_ms}", **answer})
        return lines

    def probe(self) -> list[dict[str, Any]]:
        """An order every 100 ms on both gateways: b answers at once, or never while nobody led; a loses power."""
        lines: list[dict[str, Any]] = [{"wall_ns": self.t0_ns + AHEAD_NS, "monotonic_ns": self.t0_ns}]
        for number in range(-30, (self.gap_ns + 8 * SECOND) // 100_000_000):
            due_ns = self.t0_ns + number * 100_000_000
            dead = self.t0_ns - 50_000_000 < due_ns < self.t0_ns + self.gap_ns
            epoch = 7 if due_ns < self.t0_ns else 8
            answer = {"acked_ns": None, "epoch": None} if dead else {"acked_ns": due_ns + 4_000_000, "epoch": epoch}
            lines.append({"gateway": "b", "cl_ord_id": f"P2-{number}", "due_ns": due_ns, **answer})
            if epoch == 8:
                answer = {"acked_ns": None, "epoch": None}
            lines.append({"gateway": "a", "cl_ord_id": f"P1-{number}", "due_ns": due_ns, **answer})
        return lines

    def outputs(self) -> dict[str, Any]:
        """What the steps returned."""
        return self._of_a_call() if self.drill is CALL else self._of_a_fault()

    def _of_a_call(self) -> dict[str, Any]:
        t0_ns, ready_ns = self.t0_ns, self.t0_ns + self.call_s * SECOND
        return {
            "clock-offset": {"offset_ns": AHEAD_NS, "uncertainty_ns": 1_000_000},
            "site-is-called": {"t0_ns": t0_ns, "hosts": ["e"]},
            "machines-exist": {"hosts": ["e"], "at_ns": t0_ns + SECOND},
            "core-caught-up": {"cores": ["e/main"], "at_ns": ready_ns - SECOND},
            "gateway-trades": {"gateways": ["e"], "at_ns": ready_ns},
            "site-is-sent-back": {"hosts": ["e"], "started_ns": ready_ns + SECOND, "at_ns": ready_ns + 2 * SECOND},
            "collect": {"folder": "", "files": [], "head": self.head},
        }

    def _of_a_fault(self) -> dict[str, Any]:
        t0_ns, after_ns = self.t0_ns, self.t0_ns + self.gap_ns
        back = {"started_ns": after_ns + 4 * SECOND, "done_ns": after_ns + 4 * SECOND + 200_000_000}
        return {
            "clock-offset": {"offset_ns": AHEAD_NS, "uncertainty_ns": 1_000_000},
            "led-by": {"core": "a/main", "epoch": 7, "at_ns": t0_ns - 200_000_000},
            self.drill.fault: {"t0_ns": t0_ns, "done_ns": t0_ns + 300_000_000, "hosts": ["a"]},
            "taken-over": {"core": self.taken_over_by, "epoch": 8, "at_ns": after_ns + 100_000_000},
            "power-returns": {"at_ns": after_ns + SECOND, "hosts": ["a"]},
            "rejoined": {"cores": ["a/main"], "started_ns": after_ns + SECOND, "at_ns": after_ns + 3 * SECOND},
            "fail-back": {"from": self.taken_over_by, "to": "a/main", "epoch": 9, **back},
            "collect": {"folder": "", "files": [], "head": self.head},
        }

    def chaos_journal(self, steady: bool = True) -> dict[str, Any]:
        """Chaos Toolkit's own journal of an experiment whose steps had these outputs and errors."""
        module = "tests.unit.drills.steps"

        def step(name: str, output: Any) -> dict[str, Any]:
            arguments = {"output": output, "error": self.errors.get(name, "")}
            provider = {"type": "python", "module": module, "func": "give", "arguments": arguments}
            return {"name": name, "type": "action", "provider": provider}

        probe = {**step("steady", steady), "type": "probe", "tolerance": True}
        experiment = {
            "title": "a drill",
            "description": "that has happened",
            "steady-state-hypothesis": {"title": "steady", "probes": [probe]},
            "method": [step(name, output) for name, output in self.outputs().items()],
            "rollbacks": [step("power-is-on", {"at_ns": 1})],
        }
        ran: dict[str, Any] = run_experiment(experiment, {"runtime": {"rollbacks": {"strategy": "always"}}})
        read: dict[str, Any] = json.loads(json.dumps(ran))
        return read


def dump(journal: Journal) -> str:
    """The journal as the core's control program dumps it."""
    lines = [
        {"n": n, "mod_revision": n, "value": base64.b64encode(entry).decode()}
        for n, entry in enumerate(journal.entries, start=1)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def settings(**changes: str) -> Settings:
    """Those of a drill on the trial environment, which DINGLI_ROOT must lead to."""
    return core_settings(**{"site": "one", **changes})


def core_settings(**changes: str) -> Settings:
    """The same of a drill that strikes no site."""
    asked = {"environment": "trial", "cell": "alpha", "off_s": "20", "load_s": "60", "rate": "100"}
    return Settings.of({**asked, "run_id": "20261121-000000", **changes})
