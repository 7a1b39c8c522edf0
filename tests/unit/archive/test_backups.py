"""What is kept beside the journal proves itself by its name, and comes back whatever was written over it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import boto3
import pytest
import yaml
from typer.testing import CliRunner

from dingli.archive import ArchiveError, Bucket
from dingli.archive.backups import FILE, KIND, Kind, backups, check, keep, restore, unnamed
from dingli.archive.collecting import snapshot
from dingli.cli.backup import app
from dingli.environment import Archive
from dingli.evidence.store import Store
from dingli.exceptions import InputError

BASE = Path(__file__).parents[1] / "environment" / "base.yaml"
pytestmark = pytest.mark.slow  # an S3 service


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(b"what must not be lost " * 100_000)
    return made


@pytest.fixture
def intruder(settings: Callable[[], Archive]) -> Any:
    return boto3.client("s3", endpoint_url=settings().endpoint, region_name="us-east-1")


def test_the_same_is_kept_once_and_a_change_beside_it(bucket: Bucket, file: Path) -> None:
    assert keep(bucket, "lab", Kind.EVIDENCE, "000001-up-20261121T034500Z", file) is not None
    assert keep(bucket, "lab", Kind.EVIDENCE, "000001-up-20261121T034500Z", file) is None
    file.write_bytes(b"changed")
    assert keep(bucket, "lab", Kind.EVIDENCE, "000001-up-20261121T034500Z", file) is not None
    assert len(backups(bucket, "lab", Kind.EVIDENCE)) == 2
    assert backups(bucket, "lab", Kind.ETCD) == backups(bucket, "other", Kind.EVIDENCE) == []


def test_the_good_version_is_found_among_others(bucket: Bucket, intruder: Any, file: Path, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    key = f"lab/etcd/20261121T100000Z/{sha256}"
    intruder.put_object(Bucket=bucket.name, Key=key, Body=b"put there beforehand")
    assert keep(bucket, "lab", Kind.ETCD, "20261121T100000Z", file) is not None
    intruder.put_object(Bucket=bucket.name, Key=key, Body=b"pay us")
    intruder.delete_object(Bucket=bucket.name, Key=key)
    (one,) = backups(bucket, "lab", Kind.ETCD)
    assert restore(bucket, one, tmp_path / "back").read_bytes() == file.read_bytes()
    assert sorted(finding.rpartition(" ")[2] for finding in check(bucket, one) if "something else" in finding) == [
        "else", "else",
    ]  # fmt: skip
    assert sum("marked as deleted" in finding for finding in check(bucket, one)) == 1


def test_without_a_good_version_nothing_is_restored(bucket: Bucket, intruder: Any, tmp_path: Path) -> None:
    intruder.put_object(Bucket=bucket.name, Key=f"lab/etcd/20261121T100000Z/{'0' * 64}", Body=b"pay us")
    (one,) = backups(bucket, "lab", Kind.ETCD)
    with pytest.raises(ArchiveError, match="no version of it"):
        restore(bucket, one, tmp_path / "back")
    assert list(tmp_path.iterdir()) == []
    assert any("no version of it" in finding for finding in check(bucket, one))


def test_a_backup_that_somebody_else_added_is_named(bucket: Bucket, file: Path, tmp_path: Path) -> None:
    store = Store("lab", tmp_path / "state")
    ours = keep(bucket, "lab", Kind.ETCD, "20261121T100000Z", file)
    assert ours is not None
    assert unnamed(backups(bucket, "lab", Kind.ETCD), store) == []  # a clone without evidence cannot tell
    raw = store.runs / f"000001-{KIND}-20261121T100000Z" / "raw"
    raw.mkdir(parents=True)
    (raw / FILE).write_text(json.dumps(ours.row) + "\n")
    assert unnamed(backups(bucket, "lab", Kind.ETCD), store) == []
    file.write_bytes(b"a snapshot with other entries")
    keep(bucket, "lab", Kind.ETCD, "20261122T100000Z", file)
    (finding,) = unnamed(backups(bucket, "lab", Kind.ETCD), store)
    assert "20261122T100000Z" in finding


def test_a_snapshot_that_fails_is_none(tmp_path: Path) -> None:
    def stream(words: list[str], output: BinaryIO) -> None:
        subprocess.run(words, stdout=output, stderr=subprocess.DEVNULL, check=True)

    with pytest.raises(subprocess.CalledProcessError):
        snapshot(stream, ["--endpoints", "http://127.0.0.1:9", "--command-timeout", "1s"], tmp_path / "s")
    assert (tmp_path / "s").read_bytes() == b""


def test_the_command_lists_verifies_and_restores(
    bucket: Bucket, settings: Callable[[], Archive], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = tmp_path / "stacks" / "environments" / "base.yaml"
    declared.parent.mkdir(parents=True)
    declared.write_text(BASE.read_text() + yaml.safe_dump({"archive": settings().model_dump(exclude_none=True)}))
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))

    def run(*words: object) -> Any:
        result = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
        return json.loads(result.output) if result.output else None

    for name in ("20261121T100000Z", "20261121T110000Z"):
        file.write_bytes(name.encode())
        keep(bucket, "base", Kind.ETCD, name, file)
    assert [row["name"] for row in run("list", "base")] == ["20261121T100000Z", "20261121T110000Z"]
    assert run("verify", "base") == {"kept": 2, "findings": []}
    (newest,) = run("restore", "base", "etcd", tmp_path / "back")["files"]
    assert Path(newest).read_text() == "20261121T110000Z"
    (older,) = run("restore", "base", "etcd", tmp_path / "back", "--name", "20261121T100000Z")["files"]
    assert Path(older).read_text() == "20261121T100000Z"
    with pytest.raises(InputError, match="no controller"):
        run("restore", "base", "controller", tmp_path / "back")
