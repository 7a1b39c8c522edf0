"""The control: no drill without a plan and a yes, nothing touched by a refusal, everything put back by an end."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment

from dingli.cli.drill import configured
from dingli.exceptions import InputError
from drills.actions.power import site_loses_power
from drills.controls import drill
from drills.exceptions import DrillRefused
from drills.experiment import Drill
from drills.settings import Settings
from tests.unit.drills.past import Past

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE = "tests.unit.drills.steps"


class Trial:
    """A small experiment under our control, run as `chaos run` runs it, and what it left behind."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.world = folder / "world"
        self.fault = "fault"
        self.method: list[dict[str, Any]] = [self.touching("fault")]
        self.rollbacks = [self.touching("back-1"), self.touching("back-2")]
        self.steady: list[dict[str, Any]] = []
        self.configuration = {
            "environment": "trial", "cell": "alpha", "site": "one", "off_s": "20", "load_s": "60", "rate": "100",
            "assume_yes": "yes",
        }  # fmt: skip

    def step(self, name: str, func: str, **arguments: Any) -> dict[str, Any]:
        provider = {"type": "python", "module": MODULE, "func": func, "arguments": arguments}
        return {"name": name, "type": "action", "provider": provider}

    def touching(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.step(name, "touch", file=str(self.world), line=name, **arguments)

    def experiment(self) -> dict[str, Any]:
        control = {"type": "python", "module": drill.__name__}
        arguments = {"drill": "site_loss", "fault": self.fault, "does": "{hosts} lose power, for at most {off_s} s"}
        return {
            "title": "Loss of {site}", "description": "A trial.", "configuration": self.configuration,
            "runtime": {"rollbacks": {"strategy": "always"}},
            "controls": [{"name": "drill", "provider": {**control, "arguments": arguments}}],
            "steady-state-hypothesis": {"title": "steady", "probes": self.steady},
            "method": self.method,
            "rollbacks": self.rollbacks,
        }  # fmt: skip

    def run_here(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Chaos Toolkit's journal of it, run in this process."""
        monkeypatch.setattr(drill, "held", drill.Held())
        experiment = self.experiment()
        journal: dict[str, Any] = run_experiment(experiment, {"runtime": experiment["runtime"]})
        return journal

    def chaos_run(self) -> subprocess.CompletedProcess[str]:
        """`chaos run` in a process of its own."""
        (self.folder / "trial.json").write_text(json.dumps(self.experiment()))
        return subprocess.run(
            [str(Path(sys.executable).with_name("chaos")), "--no-version-check", "run", "trial.json"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "CHAOSTOOLKIT_DISABLE_TELEMETRY": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def touched(self) -> list[str]:
        """What was done to the world, in order."""
        return self.world.read_text().splitlines() if self.world.exists() else []

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """The manifests of all runs."""
        found = sorted((self.root / ".dingli" / "trial" / "evidence").glob("*/manifest.json"))
        return [json.loads(path.read_text()) for path in found]


@pytest.fixture
def trial(tmp_path: Path, root: Path) -> Trial:
    return Trial(tmp_path, root)


def _nobody_to_ask(trial: Trial) -> None:
    trial.configuration["assume_yes"] = ""


def _production(trial: Trial) -> None:
    file = trial.root / "stacks" / "environments" / "trial.yaml"
    file.write_text(file.read_text().replace("kind: lab", "kind: production"))


def _no_power_driver(trial: Trial) -> None:
    trial.configuration["site"] = "far"
    power = {"type": "python", "module": "drills.actions.power", "func": "site_loses_power"}
    trial.method.append({"name": "cut", "type": "action", "provider": power})


def _no_such_cell(trial: Trial) -> None:
    trial.configuration["cell"] = "omega"


def _no_number(trial: Trial) -> None:
    trial.configuration["rate"] = "fast"


def _no_room_for_evidence(trial: Trial) -> None:
    (trial.root / ".dingli").write_text("a file where a folder should be")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_nobody_to_ask, "no terminal"),
        (_production, "--yes on a production environment"),
        (_no_power_driver, "d has no power driver"),
        (_no_such_cell, "cell 'omega'"),
        (_no_number, "fast"),
        (_no_room_for_evidence, "Not a directory"),
    ],
)
def test_a_refusal_touches_nothing_not_even_by_rollbacks(
    trial: Trial,
    spoil: Callable[[Trial], None],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(trial)
    assert trial.run_here(monkeypatch)["status"] == "interrupted"
    said = capsys.readouterr().err
    assert why in said
    assert "nothing was touched" in said
    assert (trial.touched, trial.evidence) == ([], [])


def test_chaos_run_exits_with_an_error_on_a_refusal(trial: Trial) -> None:
    trial.configuration["assume_yes"] = ""
    done = trial.chaos_run()
    assert (done.returncode, trial.touched) == (1, [])
    assert "refused: nobody to ask" in done.stderr


def test_a_second_drill_at_the_same_time_is_refused_and_does_not_end_the_first_ones_fault(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trial.root / ".dingli" / "trial"
    folder.mkdir(parents=True)
    with (folder / "drill.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trial.run_here(monkeypatch)
    assert "another drill is running" in capsys.readouterr().err
    assert (trial.touched, trial.evidence) == ([], [])


def test_an_unsteady_cell_is_not_touched(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.steady = [{**trial.step("steady", "give", error="a member is down"), "type": "probe", "tolerance": True}]
    assert trial.run_here(monkeypatch)["dingli"]["verdict"] == "fail"
    assert trial.touched == []
    assert [one["result"] for one in trial.evidence] == ["failed"]


def test_chaos_run_shows_the_plan_keeps_evidence_and_fails_without_a_pass(trial: Trial) -> None:
    """Nothing failed here; too little was seen."""
    done = trial.chaos_run()
    assert done.returncode == 1
    assert "Loss of one" in done.stderr
    assert "fault: a lose power, for at most 20 s" in done.stderr
    assert trial.touched == ["fault", "back-1", "back-2"]
    assert json.loads((trial.folder / "journal.json").read_text())["dingli"]["verdict"] == "unknown"
    assert [one["result"] for one in trial.evidence] == ["unknown"]
    kept = {one["path"] for one in trial.evidence[0]["files"]}
    assert {"report.html", "report.json", "raw/junit.xml", "raw/chaos-journal.json", "raw/settings.json"} <= kept


def test_chaos_run_succeeds_only_with_a_pass(trial: Trial, root: Path) -> None:
    past = Past()
    trial.fault = past.drill.fault
    trial.method = [trial.step(name, "give", output=output) for name, output in past.outputs().items()]
    workspaces = root / ".dingli" / "trial" / "drills"
    leave = trial.step("leave", "leave_past", folder=str(workspaces))
    trial.method.insert(0, leave)
    done = trial.chaos_run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["result"] for one in trial.evidence] == ["passed"]


def test_the_fault_is_left_out_when_an_earlier_step_failed(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.method = [trial.touching("prepare", error="no load"), trial.touching("fault"), trial.touching("after")]
    assert trial.run_here(monkeypatch)["dingli"]["verdict"] == "fail"
    assert trial.touched == ["prepare", "back-1", "back-2"]


def test_a_failure_after_the_fault_ends_in_rollbacks_and_a_failed_verdict(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.method = [trial.touching("fault"), trial.touching("after", error="no answer")]
    assert trial.run_here(monkeypatch)["deviated"]
    assert trial.touched == ["fault", "after", "back-1", "back-2"]
    assert [one["result"] for one in trial.evidence] == ["failed"]


def test_power_is_not_cut_without_a_drill_that_was_confirmed(trial: Trial) -> None:
    with pytest.raises(DrillRefused, match="no drill was confirmed"):
        site_loses_power(trial.configuration)


@pytest.mark.parametrize("number", ["SIGINT", "SIGHUP"])
def test_a_signal_ends_the_method_and_puts_everything_back(trial: Trial, number: str) -> None:
    interrupted = trial.step("fault", "interrupt", file=str(trial.world), line="fault", number=number)
    trial.method = [interrupted, trial.touching("never")]
    done = trial.chaos_run()
    assert done.returncode == 1
    assert trial.touched == ["fault", "back-1", "back-2"]
    assert [one["result"] for one in trial.evidence] == ["interrupted"]
    journal = json.loads((trial.folder / "journal.json").read_text())
    assert (journal["status"], journal["dingli"]["verdict"]) == ("interrupted", "fail")


def test_impatience_does_not_end_the_rollbacks(trial: Trial) -> None:
    trial.rollbacks[0] = trial.step("back-1", "interrupt", file=str(trial.world), line="back-1", times=3)
    done = trial.chaos_run()
    assert trial.touched == ["fault", "back-1", "back-2"]
    assert "please wait" in done.stderr


def test_later_steps_know_under_which_epoch_the_cell_was_led(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.method = [
        trial.step("led-by", "give", output={"core": "a/main", "epoch": 41}),
        trial.step("see", "configured"),
    ]
    assert trial.run_here(monkeypatch)["run"][-1]["output"]["epoch"] == "41"


NAMES = sorted(path.stem for path in (REPOSITORY / "drills").glob("*.yaml") if path.stem != "ransomware")
"""Those that strike a cell."""


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_drill_is_a_valid_experiment_whose_steps_the_verdict_knows(name: str) -> None:
    experiment = yaml.safe_load((REPOSITORY / "drills" / f"{name}.yaml").read_text())
    ensure_experiment_is_valid(experiment)
    described = Drill.of(experiment)
    steps = [step["name"] for step in experiment["method"]]
    assert (described.name, described.fault in steps) == (name, True)
    assert steps.index("led-by") + 1 == steps.index(described.fault)
    measured = {"core-caught-up", "gateway-trades"} if described.calls_site else {"taken-over", "fail-back"}
    assert {"clock-offset", "collect"} | measured <= set(steps)
    assert experiment["runtime"]["rollbacks"]["strategy"] == "always"
    rollbacks = [step["name"] for step in experiment["rollbacks"]]
    assert rollbacks[-1] == "leadership-is-home"
    given = {"cell": "beta"} | ({"site": "far"} if described.calls_site else {})
    asked = configured(experiment, name, "trial", given, yes=False)["configuration"]
    lines = described.plan(experiment, Settings.of(asked))
    assert "cell beta, led by b/main" in lines[1]
    assert not any("{" in line for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_drill_stops_or_cuts_its_first_rollback_gives_back(name: str) -> None:
    experiment = yaml.safe_load((REPOSITORY / "drills" / f"{name}.yaml").read_text())
    undo = {"site_loses_power": "give_power_back", "stop_core": "let_core_go_on", "call_site": "send_back"}
    struck = {step["provider"]["func"] for step in experiment["method"]} & set(undo)
    assert [step["provider"]["func"] for step in experiment["rollbacks"]][: len(struck)] == [
        undo[one] for one in struck
    ]


def test_an_option_that_a_drill_does_not_have_is_refused() -> None:
    experiment = yaml.safe_load((REPOSITORY / "drills" / "core_kill.yaml").read_text())
    with pytest.raises(InputError, match="core_kill with --site, --off"):
        configured(experiment, "core_kill", "trial", {"site": "one", "off_s": "5"}, yes=True)
