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

from dingli.environment import project_root
from drills.actions.power import site_loses_power
from drills.controls import drill
from drills.exceptions import DrillRefused
from tests.unit.drills.past import Past

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE = "tests.unit.drills.steps"


class Trial:
    """A small experiment under our control, run as `chaos run` runs it, and what it left behind."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.world = folder / "world"
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
        control, arguments = {"type": "python", "module": drill.__name__}, {"drill": "site_loss", "fault": "fault"}
        return {
            "title": "Loss of ${site}", "description": "A trial.", "configuration": self.configuration,
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
    assert "hosts that lose power: a, for at most 20 s each" in done.stdout
    assert trial.touched == ["fault", "back-1", "back-2"]
    assert json.loads((trial.folder / "journal.json").read_text())["dingli"]["verdict"] == "unknown"
    assert [one["result"] for one in trial.evidence] == ["unknown"]
    kept = {one["path"] for one in trial.evidence[0]["files"]}
    assert {"report.html", "report.json", "raw/junit.xml", "raw/chaos-journal.json", "raw/settings.json"} <= kept


def test_chaos_run_succeeds_only_with_a_pass(trial: Trial, root: Path) -> None:
    past = Past()
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


def test_the_drill_that_is_shipped_is_a_valid_experiment_and_names_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DINGLI_ROOT")
    experiment = yaml.safe_load((project_root() / "drills" / "site_loss.yaml").read_text())
    ensure_experiment_is_valid(experiment)
    steps = [step["name"] for step in experiment["method"]]
    assert experiment["controls"][0]["provider"]["arguments"]["fault"] in steps
    assert set(Past().outputs()) <= set(steps)
    assert experiment["runtime"]["rollbacks"]["strategy"] == "always"
