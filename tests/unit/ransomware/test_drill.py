"""The drill as a whole: what an honest storage withstands, and where the drill ends with another one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeKey, S3Backend

from drills.checker.check import Verdict
from drills.ransomware.judge import RansomReport
from lab.cloud.storage import LockingStorage
from tests.unit.ransomware.conftest import REPOSITORY, STEPS, World

pytestmark = pytest.mark.slow  # an S3 service


def report_of(held: Any) -> RansomReport:
    assert isinstance(held.report, RansomReport)
    return held.report


def folder_of(held: Any) -> Path:
    assert held.run is not None
    return Path(held.run.folder)


def test_what_is_locked_withstands_comes_back_and_the_bucket_looks_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, buckets = world.versions(), world.buckets()
    held = world.drill(monkeypatch, world.experiment(recovery_key=str(world.key)))
    report = report_of(held)
    assert report.reasons == []
    assert report.verdict is Verdict.PASS
    assert report.attack["objects"] == report.objects == len(before) == 6
    tried = report.attempts
    assert (tried["overwrite"]["done"], tried["mark as deleted"]["done"]) == (12, 6)
    for what in ("delete a version", "delete it in bulk", "shorten its lock", "weaken its lock to governance"):
        assert (tried[what]["done"], tried[what]["refused"]) == (0, {"AccessDenied": 6})
    assert tried["delete the bucket"]["refused"] == {"BucketNotEmpty": 1}
    assert tried["switch versions off"]["refused"] == {"InvalidBucketState": 1}
    assert {kind: one["objects"] for kind, one in report.restored["kinds"].items()} == {
        "journal": 3, "evidence": 1, "controller": 1, "etcd": 1,
    }  # fmt: skip
    assert [one["outcome"] for one in report.proofs] == ["proven"] * 4
    assert report.removed["left"] == []
    assert (world.versions(), world.buckets()) == (before, buckets)
    assert world.client.get_bucket_versioning(Bucket=world.bucket.name)["Status"] == "Enabled"
    assert not list((world.root / ".dingli" / "trial" / "drills").rglob("restored"))
    assert world.evidence()[-1]["result"] == "passed"


def test_the_sums_are_in_the_evidence_before_anything_is_attacked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = world.experiment()
    canary = experiment["method"][3]
    assert canary["name"] == "canary"
    arguments = {"folder": str(world.root / ".dingli" / "trial" / "evidence")}
    canary["provider"] = {"type": "python", "module": STEPS, "func": "names", "arguments": arguments}
    held = world.drill(monkeypatch, experiment)
    (seen,) = [step.output for step in report_of(held).steps if step.name == "canary"]
    assert "kept-before.jsonl" in seen
    lines = (folder_of(held) / "raw" / "kept-before.jsonl").read_text().splitlines()
    assert {json.loads(line)["key"] for line in lines} == set(world.versions())
    record = [json.loads(line) for line in (folder_of(held) / "record.jsonl").read_text().splitlines()]
    (written,) = [one for one in record if one.get("step") == "write-down"]
    assert len(written["output"]["sha256"]) == 64


def test_a_second_drill_finds_the_bucket_steady(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report_of(world.drill(monkeypatch)).verdict is Verdict.PASS
    again = report_of(world.drill(monkeypatch))
    assert (again.verdict, again.reasons) == (Verdict.PASS, [])


def test_moto_alone_fails_at_the_canary_and_nothing_else_is_touched(
    storage_of_moto: None, empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.fill()
    before = empty.versions()
    report = report_of(empty.drill(monkeypatch))
    assert report.verdict is Verdict.FAIL
    assert "let through: shorten its lock" in report.reasons[0]
    assert (report.attack, empty.versions()) == ({}, before)
    assert empty.evidence()[-1]["result"] == "failed"


def no_locks(self: FakeKey, governance_bypass: bool) -> bool:
    return False


def test_a_canary_that_can_be_deleted_ends_the_drill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.versions()
    monkeypatch.setattr(FakeKey, "is_locked", no_locks)
    monkeypatch.setattr(LockingStorage, "put_object_retention", _refuse)
    report = report_of(world.drill(monkeypatch))
    assert report.verdict is Verdict.FAIL
    assert "let through: delete a version" in report.reasons[0]
    assert not report.canary["object"]["whole"]
    assert (report.attack, world.versions()) == ({}, before)


def _refuse(*_: Any, **__: Any) -> None:
    raise S3AccessDeniedError


def test_a_bucket_that_gives_up_its_versions_ends_the_drill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before, buckets = world.versions(), world.buckets()
    monkeypatch.setattr(LockingStorage, "put_bucket_versioning", S3Backend.put_bucket_versioning)
    report = report_of(world.drill(monkeypatch))
    assert report.verdict is Verdict.FAIL
    assert "a bucket of the drill's own" in report.reasons[0]
    assert "switch versions off" in report.reasons[0]
    assert (report.attack, world.versions(), world.buckets()) == ({}, before, buckets)
    assert world.client.get_bucket_versioning(Bucket=world.bucket.name)["Status"] == "Enabled"


def test_where_only_the_archive_gives_way_the_attack_ends_at_once_and_what_is_lost_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = FakeKey.is_locked
    monkeypatch.setattr(
        FakeKey, "is_locked", lambda key, bypass=False, **more: "/etcd/" not in key.name and honest(key, **more)
    )
    monkeypatch.setattr(LockingStorage, "put_object_retention", _refuse)
    held = world.drill(monkeypatch)
    report = report_of(held)
    assert report.verdict is Verdict.FAIL
    assert report.attempts["delete a version"]["done"] == 1
    assert any("/etcd/" in reason and "did not come back" in reason for reason in report.reasons)
    assert report.restored["kinds"]["journal"]["trouble"] == ""
    assert world.evidence()[-1]["result"] == "failed"


def test_who_cannot_remove_marks_overwrites_only_the_canary_and_learns_too_little(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.versions()
    honest = LockingStorage.delete_object

    def no_marks(
        self: LockingStorage, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        known = self.get_object(bucket_name, key_name, version_id=version_id, return_delete_marker=True)
        if version_id and "/drill/" in key_name and not isinstance(known, FakeKey):
            raise S3AccessDeniedError
        return honest(self, bucket_name, key_name, version_id, bypass)

    monkeypatch.setattr(LockingStorage, "delete_object", no_marks)
    report = report_of(world.drill(monkeypatch))
    assert report.verdict is Verdict.UNKNOWN
    assert "overwrite" not in report.attempts
    assert report.attempts["delete a version"]["refused"] == {"AccessDenied": 6}
    assert any("cannot remove what they add" in reason for reason in report.reasons)
    assert world.versions() == before


def overwritten(world: World, key: str) -> str:
    world.client.put_object(Bucket=world.bucket.name, Key=key, Body=b"pay us")
    return "locked until never"


def marked(world: World, key: str) -> str:
    world.client.delete_object(Bucket=world.bucket.name, Key=key)
    return "marked as deleted"


def strange(world: World, key: str) -> str:
    world.bucket.put("trial/holiday/photo", b"a beach")
    return "trial/holiday/photo: nobody here knows what it is"


def soon_free(world: World, key: str) -> str:
    place = {"Bucket": world.bucket.name, "Key": "trial/etcd/20261122T100000Z/" + "0" * 64}
    world.client.put_object(
        **place, Body=b"", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate="2000-01-01T00:00:00Z"
    )
    return "less than an hour on"


def of_nobody(world: World, key: str) -> str:
    world.bucket.put(key.replace("20261121", "20261122"), world.bucket.read(world.bucket.versions(key)[key][0]))
    return "no evidence of a backup names it"


@pytest.mark.parametrize("spoil", [overwritten, marked, strange, soon_free, of_nobody])
def test_what_is_not_locked_and_whole_is_named_and_nothing_is_touched(
    world: World, spoil: Callable[[World, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = (key for key in world.versions() if "/etcd/" in key)
    why = spoil(world, key)
    before = world.bucket.versions("")
    report = report_of(world.drill(monkeypatch))
    assert report.verdict is Verdict.FAIL
    assert why in report.reasons[0]
    assert world.bucket.versions("") == before


def test_a_bucket_without_a_lock_is_refused(
    storage_that_keeps_its_word: None,
    empty: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty.client.create_bucket(Bucket=empty.bucket.name)
    assert empty.drill(monkeypatch).refused is not None
    said = capsys.readouterr().err
    assert "without versions" in said
    assert "nothing was touched" in said
    assert empty.evidence() == []


@pytest.mark.parametrize("step", ["restored", "proven"])
def test_a_signal_after_the_attack_leaves_the_bucket_as_it_was(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = world.versions()
    experiment = world.experiment()
    (interrupted,) = [one for one in experiment["method"] if one["name"] == step]
    arguments = {"file": str(tmp_path / "world"), "line": "now"}
    interrupted["provider"] = {"type": "python", "module": STEPS, "func": "interrupt", "arguments": arguments}
    report = report_of(world.drill(monkeypatch, experiment))
    assert (report.verdict, report.attack["objects"]) == (Verdict.FAIL, 6)
    assert world.versions() == before
    assert world.evidence()[-1]["result"] == "interrupted"


def test_the_next_drill_removes_what_a_killed_one_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.versions()
    experiment = world.experiment()
    experiment["method"] = experiment["method"][:5]
    experiment["rollbacks"] = []
    world.drill(monkeypatch, experiment)
    assert world.versions() != before
    report = report_of(world.drill(monkeypatch))
    assert report.reasons == []
    assert report.verdict is Verdict.PASS
    assert world.versions() == before


def test_the_verdict_can_be_given_again_and_sums_are_compared_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(world.drill(monkeypatch))
    again = [sys.executable, "-m", "drills", str(folder)]
    done = subprocess.run(again, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (folder / "raw" / "restored.jsonl").read_text().splitlines()
    first = json.loads(lines[0]) | {"sha256": "0" * 64}
    (folder / "raw" / "restored.jsonl").write_text("\n".join([json.dumps(first), *lines[2:]]) + "\n")
    done = subprocess.run(again, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    reasons = json.loads(done.stdout)["reasons"]
    assert (done.returncode, len(reasons)) == (1, 2)
    assert any("came back with another sum" in reason for reason in reasons)
    assert any("did not come back" in reason for reason in reasons)


def test_a_restore_that_takes_too_long_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.declared.write_text(world.declared.read_text().replace("switch_gap_s: 0.5}", "restore_s: 0.001}"))
    report = report_of(world.drill(monkeypatch))
    assert report.verdict is Verdict.FAIL
    assert any(reason.endswith("target 0.001 s") for reason in report.reasons)
