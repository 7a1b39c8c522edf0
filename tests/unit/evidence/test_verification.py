"""What was done to evidence is found; what cannot be proven is not called proven."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.cli.evidence import app
from dingli.evidence import manifest, signing
from dingli.evidence.exceptions import NoKey, WitnessError
from dingli.evidence.verification import Level, Verdict, statements_as_answers, verify
from dingli.evidence.witness import ask_heads, countersign, read_statements
from dingli.exceptions import InputError

from .conftest import ROOT, Site


def judged(site: Site) -> Verdict:
    answers = ask_heads(site.environment, site.store, site.dial)
    return verify(site.store, site.allowed_signers, answers)


def where(verdict: Verdict, level: Level = Level.BROKEN) -> str:
    return "\n".join(str(finding) for finding in verdict.findings if finding.level is level)


def sign_anew(site: Site) -> None:
    """Rebuild the whole chain with the key that the store has now."""
    previous = None
    for folder in site.store.folders():
        said = manifest.read(folder)
        fresh = said.model_copy(update={"previous": previous, "files": manifest.files_of(folder.path)})
        previous = manifest.close(site.store, folder, fresh)


def edit_file(site: Site) -> None:
    (site.store.folders()[1].path / "record.jsonl").write_text("{}\n")


def remove_file(site: Site) -> None:
    (site.store.folders()[1].path / "raw" / "gate" / "health.json").unlink()


def add_file(site: Site) -> None:
    (site.store.folders()[1].path / "raw" / "new.json").write_text("{}")


def swap_for_symlink(site: Site) -> None:
    file = site.store.folders()[1].path / "raw" / "gate" / "health.json"
    file.rename(site.folder / "elsewhere")
    file.symlink_to(site.folder / "elsewhere")


def edit_manifest(site: Site) -> None:
    file = site.store.folders()[1].path / "manifest.json"
    file.write_text(file.read_text().replace('"passed"', '"failed"'))


def break_manifest(site: Site) -> None:
    (site.store.folders()[1].path / "manifest.json").write_text("no json")


def remove_signature(site: Site) -> None:
    (site.store.folders()[1].path / "manifest.json.sig").unlink()


def remove_middle_run(site: Site) -> None:
    shutil.rmtree(site.store.folders()[1].path)


def remove_last_run(site: Site) -> None:
    shutil.rmtree(site.store.folders()[-1].path)


def remove_all_runs(site: Site) -> None:
    shutil.rmtree(site.store.runs)


def add_a_stranger(site: Site) -> None:
    (site.store.runs / "notes.txt").write_text("x")


def copy_a_run(site: Site) -> None:
    last = site.store.folders()[-1].path
    shutil.copytree(last, last.with_name(last.name.replace("000003", "000004")))


def sign_all_with_another_key(site: Site) -> None:
    shutil.rmtree(site.store.state / "secrets")
    sign_anew(site)


def edit_and_sign_all_with_the_same_key(site: Site) -> None:
    edit_file(site)
    sign_anew(site)


def witness_says_other(site: Site) -> None:
    file = site.keep("dr-1") / "lab.heads"
    file.write_text(file.read_text().replace(file.read_text().split()[1], "0" * 64))


def witness_with_another_key(site: Site) -> None:
    for name in ("key", "key.pub"):
        (site.keep("dr-1") / name).unlink()
    signing.ensure_key(site.keep("dr-1") / "key", "another")


BREAKS: list[tuple[Callable[[Site], None], str]] = [
    (edit_file, "record.jsonl"),
    (remove_file, "raw/gate/health.json: found no such file"),
    (add_file, "raw/new.json: found a file that was added"),
    (swap_for_symlink, "raw/gate/health.json"),
    (edit_manifest, "manifest.json.sig"),
    (break_manifest, "manifest.json: found something that cannot be read"),
    (remove_signature, "no signed manifest"),
    (remove_middle_run, "run 2 missing"),
    (remove_last_run, "run 3, which is not here"),
    (remove_all_runs, "run 1, which is not here"),
    (add_a_stranger, "notes.txt"),
    (copy_a_run, "the manifest of lab 3"),
    (sign_all_with_another_key, "lab-operator"),
    (edit_and_sign_all_with_the_same_key, "witness standby-1: found run 2 with sum"),
    (witness_says_other, "witness dr-1: found run 1 with sum 000"),
    (witness_with_another_key, "lab-witness-dr-1"),
]


def test_untouched_evidence_is_consistent_and_complete(three_runs: Site) -> None:
    verdict = judged(three_runs)
    assert verdict.findings == ()
    assert verdict.words == "consistent and complete"


@pytest.mark.parametrize(("tamper", "told"), BREAKS, ids=[tamper.__name__ for tamper, _ in BREAKS])
def test_tampering_is_found_and_named(three_runs: Site, tamper: Callable[[Site], None], told: str) -> None:
    tamper(three_runs)
    verdict = judged(three_runs)
    assert verdict.level is Level.BROKEN
    assert told in where(verdict)


def test_without_an_outside_head_completeness_is_not_proven(three_runs: Site) -> None:
    remove_last_run(three_runs)
    verdict = verify(three_runs.store, three_runs.allowed_signers, [])
    assert verdict.level is Level.UNPROVEN
    assert verdict.words == "consistent, completeness not proven"


def test_an_unreachable_witness_proves_nothing(three_runs: Site) -> None:
    three_runs.down.add("dr-1")
    verdict = judged(three_runs)
    assert verdict.level is Level.UNPROVEN
    assert "witness dr-1" in where(verdict, Level.UNPROVEN)


def test_without_allowed_signers_no_signer_is_proven(three_runs: Site) -> None:
    three_runs.allowed_signers.unlink()
    assert judged(three_runs).level is Level.UNPROVEN


def test_a_witness_that_the_auditor_does_not_know_proves_nothing(three_runs: Site) -> None:
    lines = three_runs.allowed_signers.read_text().splitlines()
    three_runs.allowed_signers.write_text("\n".join(line for line in lines if "dr-1" not in line) + "\n")
    verdict = judged(three_runs)
    assert verdict.level is Level.UNPROVEN
    assert "no key of lab-witness-dr-1" in where(verdict, Level.UNPROVEN)


def test_a_witness_that_was_away_gets_the_missing_heads_later(site: Site) -> None:
    site.leave_run()
    site.down.add("dr-1")
    site.leave_run()
    site.leave_run()
    site.write_allowed_signers()
    site.down.clear()
    assert "nothing about runs 2 to 3" in where(judged(site), Level.UNPROVEN)
    site.leave_run()
    assert judged(site).level is None


def test_heads_from_a_file_prove_as_much_as_the_witnesses_did_then(three_runs: Site) -> None:
    carried = three_runs.folder / "heads.jsonl"
    shutil.copy(three_runs.store.statements, carried)
    remove_last_run(three_runs)
    verdict = verify(three_runs.store, three_runs.allowed_signers, statements_as_answers(read_statements(carried)))
    assert "run 3, which is not here" in where(verdict)


def test_a_statement_that_was_edited_does_not_hold(three_runs: Site) -> None:
    statements = [json.loads(line) for line in three_runs.store.statements.read_text().splitlines()]
    statements[0]["lines"].pop()
    carried = three_runs.folder / "heads.jsonl"
    carried.write_text("".join(json.dumps(statement) + "\n" for statement in statements))
    verdict = verify(three_runs.store, three_runs.allowed_signers, statements_as_answers(read_statements(carried)))
    assert verdict.level is Level.BROKEN


def test_a_witness_whose_key_changed_is_trouble(three_runs: Site) -> None:
    witness_with_another_key(three_runs)
    answers = {
        answer.witness: answer for answer in countersign(three_runs.environment, three_runs.store, three_runs.dial)
    }
    assert "another key" in answers["dr-1"].trouble
    assert answers["standby-1"].trouble == ""


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{}\n", b"nonsense\n"])
def test_a_file_of_heads_that_is_none_is_told_in_our_words(site: Site, content: bytes) -> None:
    file = site.folder / "heads"
    file.write_bytes(content)
    with pytest.raises(WitnessError, match="heads") as caught:
        read_statements(file)
    assert "pydantic" not in str(caught.value)


def test_the_list_shows_a_damaged_run_instead_of_failing(three_runs: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(three_runs.folder))
    (three_runs.folder / ".dingli").mkdir()
    (three_runs.folder / ".dingli" / "lab").symlink_to(three_runs.folder / "state" / "lab")
    break_manifest(three_runs)
    environment = str(Path(__file__).resolve().parents[3] / "stacks" / "environments" / "lab.yaml")
    shown = CliRunner().invoke(app, ["list", environment])
    assert shown.exit_code == 0, shown.output
    assert "unreadable" in shown.output
    assert shown.output.count("passed") == 2


def test_a_file_that_cannot_be_read_is_wrong_usage_and_no_finding(site: Site) -> None:
    environment = str(Path(__file__).resolve().parents[3] / "stacks" / "environments" / "lab.yaml")
    file = site.folder / "named"
    for option, content in (("--heads", b"\xff\xfe"), ("--heads", b"{}"), ("--allowed-signers", b"\xff\xfe")):
        file.write_bytes(content)
        result = CliRunner().invoke(app, ["verify", environment, option, str(file)])
        assert isinstance(result.exception, InputError)


def test_a_run_that_was_not_closed_is_told_and_not_called_broken(three_runs: Site) -> None:
    last = three_runs.store.folders()[-1]
    (last.path.parent / last.path.name.replace("000003", "000004") / "raw").mkdir(parents=True)
    verdict = judged(three_runs)
    assert verdict.level is Level.UNPROVEN
    assert "was not closed" in where(verdict, Level.UNPROVEN)


def test_a_sum_is_that_of_the_manifest_s_bytes(three_runs: Site) -> None:
    folder = three_runs.store.folders()[0]
    expected = hashlib.sha256((folder.path / "manifest.json").read_bytes()).hexdigest()
    assert manifest.head_of(folder).sum == expected
    assert (three_runs.keep("dr-1") / "lab.heads").read_text().split()[:2] == ["1", expected]


def test_looking_at_evidence_makes_no_keys_in_a_clone_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stacks" / "environments").mkdir(parents=True)
    (tmp_path / "stacks" / "environments" / "lab.yaml").write_text((ROOT / "stacks/environments/lab.yaml").read_text())
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))

    signer = CliRunner().invoke(app, ["signer", "lab"])
    verify_ = CliRunner().invoke(app, ["verify", "lab"])
    heads = CliRunner().invoke(app, ["heads", "lab"])

    assert isinstance(signer.exception, NoKey)
    assert (verify_.exit_code, heads.exit_code) == (3, 3)
    assert "no witness_login_key" in verify_.output
    assert not (tmp_path / ".dingli").exists()
