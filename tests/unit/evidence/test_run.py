"""What a run leaves behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dingli.evidence import EvidenceError, Result, RunUnderWay, SecretInEvidence, manifest, redaction, run
from dingli.evidence.redaction import register_secret
from dingli.evidence.run import show_troubles
from dingli.evidence.witness import countersign

from .conftest import ROOT, Site

KILLED = """
import os, signal, sys
from pathlib import Path
from dingli.environment import load
from dingli.evidence import Store, run
store = Store("lab", Path(sys.argv[1]))
with run(load(sys.argv[2]), "drill", "a drill that is killed", store=store) as opened:
    opened.event("fault", host="primary-1")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_forms", set())


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]


def said(site: Site, number: int) -> manifest.Manifest:
    return manifest.read(site.store.folders()[number - 1])


def test_a_run_leaves_record_raw_outputs_reports_and_a_signed_manifest(site: Site) -> None:
    folder = site.leave_run("power cut")
    assert {entry.path for entry in said(site, 1).files} == {
        "record.jsonl",
        "raw/gate/health.json",
        "report.html",
        "report.json",
    }
    assert (folder / "manifest.json.sig").read_bytes().startswith(b"-----BEGIN SSH SIGNATURE-----")
    assert [event["event"] for event in events(folder)] == ["run-started", "fault", "run-ended"]
    assert said(site, 1).result is Result.PASSED
    assert said(site, 1).previous is None
    assert "@" in said(site, 1).who


def test_an_event_is_on_disk_before_the_run_goes_on(site: Site) -> None:
    with run(site.environment, "up", "up", store=site.store) as opened:
        opened.event("stack", name="lab-primary")
        assert events(opened.folder)[-1]["name"] == "lab-primary"


def test_each_run_names_the_sum_of_the_one_before(three_runs: Site) -> None:
    folders = three_runs.store.folders()
    assert said(three_runs, 3).previous == manifest.head_of(folders[1])
    assert [folder.number for folder in folders] == [1, 2, 3]


def test_a_run_that_does_not_say_is_unknown(site: Site) -> None:
    with run(site.environment, "audit", "audit", store=site.store):
        pass
    assert said(site, 1).result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("error", "result"), [(ValueError("no quorum"), Result.FAILED), (KeyboardInterrupt(), Result.INTERRUPTED)]
)
def test_an_exception_is_recorded_and_goes_on(site: Site, error: BaseException, result: Result) -> None:
    with pytest.raises(type(error)):
        end_with(site, error)
    assert said(site, 1).result is result
    assert "exception" in [event["event"] for event in events(site.store.folders()[0].path)]


def end_with(site: Site, error: BaseException) -> None:
    with run(site.environment, "drill", "drill", store=site.store) as opened:
        opened.result = Result.PASSED
        raise error


def test_a_killed_run_is_closed_by_the_next_as_interrupted(site: Site) -> None:
    environment = ROOT / "stacks" / "environments" / "lab.yaml"
    command = [sys.executable, "-c", KILLED, str(site.store.state), str(environment)]
    done = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    killed = site.store.folders()[0]
    assert not killed.closed
    with (killed.path / "record.jsonl").open("a") as file:
        file.write('{"event": "cut o')
    site.leave_run("the next")
    assert said(site, 1).result is Result.INTERRUPTED
    assert said(site, 1).title == "a drill that is killed"
    assert said(site, 2).previous == manifest.head_of(site.store.folders()[0])


def test_a_second_run_is_refused_and_the_first_is_named(site: Site) -> None:
    with (
        run(site.environment, "drill", "the first", store=site.store),
        pytest.raises(RunUnderWay, match="the first"),
        run(site.environment, "up", "the second", store=site.store),
    ):
        pass
    assert len(site.store.folders()) == 1


def test_the_signing_key_is_made_once_and_for_its_owner_only(site: Site) -> None:
    site.leave_run()
    key = site.store.state / "secrets" / "evidence_key"
    before = key.read_bytes()
    site.leave_run()
    assert key.read_bytes() == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a/../../x"])
def test_raw_outputs_stay_inside_the_folder(site: Site, name: str) -> None:
    with run(site.environment, "up", "up", store=site.store) as opened, pytest.raises(EvidenceError):
        opened.add_raw(name, b"x")


def test_a_raw_output_is_never_overwritten(site: Site) -> None:
    with run(site.environment, "up", "up", store=site.store) as opened:
        opened.add_raw("a", b"1")
        with pytest.raises(EvidenceError, match="second time"):
            opened.add_raw("a", b"2")


@pytest.mark.parametrize("hidden", ['canary-7c31 "x"', "Y2FuYXJ5LTdjMzEgIngi", "canary-7c31%20%22x%22"])
def test_a_registered_secret_is_refused_in_any_form(site: Site, hidden: str) -> None:
    register_secret('canary-7c31 "x"')
    with run(site.environment, "up", "up", store=site.store) as opened:
        with pytest.raises(SecretInEvidence):
            opened.add_raw("out", f"password: {hidden}")
        with pytest.raises(SecretInEvidence):
            opened.event("said", text=hidden)
    everything = b"".join(path.read_bytes() for path in opened.folder.rglob("*") if path.is_file())
    assert hidden.encode() not in everything


def test_a_secret_that_a_tool_wrote_is_withheld_and_told(site: Site) -> None:
    register_secret("canary-7c31")
    with pytest.raises(SecretInEvidence, match=r"raw/tool\.log"):
        leave_tool_output(site, "the password is canary-7c31\n")
    assert b"canary" not in (site.store.folders()[0].path / "raw" / "tool.log").read_bytes()
    assert said(site, 1).result is Result.FAILED


def leave_tool_output(site: Site, text: str) -> None:
    with run(site.environment, "up", "up", store=site.store) as opened:
        (opened.raw / "tool.log").write_text(text)
        opened.result = Result.PASSED


def test_a_secret_in_an_exception_is_withheld(site: Site) -> None:
    register_secret("canary-7c31")
    with pytest.raises(ConnectionError):
        end_with(site, ConnectionError("cannot log in with canary-7c31"))
    assert "canary" not in (site.store.folders()[0].path / "record.jsonl").read_text()


def test_too_short_a_secret_cannot_be_registered() -> None:
    with pytest.raises(EvidenceError):
        register_secret("abc")


def test_a_witness_that_did_not_countersign_is_named_on_screen(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.leave_run()
    site.down = {"dr-1"}
    capsys.readouterr()
    show_troubles(countersign(site.environment, site.store, site.dial))
    shown = capsys.readouterr()
    assert "dr-1 did not countersign" in shown.err
    assert "standby-1" not in shown.err
    assert shown.out == ""
