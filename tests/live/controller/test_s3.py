"""The engine's state in a bucket: two controllers see the same stack; what is wrong with the bucket is said plainly."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dingli.environment import load
from dingli.stacks.engine import Engine
from dingli.stacks.events import StackOutcome
from dingli.stacks.names import StackName
from tests.live.controller.conftest import BUCKET, ENVIRONMENT, SITE, SmallClone
from tests.live.s3 import S3Service, running_s3

STACK = StackName(ENVIRONMENT, SITE)
PASSPHRASE = "correct horse battery staple"
LOCK = f"east/.pulumi/locks/organization/dingli/{STACK}/one.json"


def url(s3: S3Service, bucket: str = BUCKET) -> str:
    return f"s3://{bucket}/east?region=us-east-1&endpoint={s3.endpoint}&s3ForcePathStyle=true"


@contextmanager
def standing_in(clone: SmallClone) -> Iterator[Engine]:
    """An engine of that clone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DINGLI_ROOT", str(clone.path))
        patch.delenv("PULUMI_BACKEND_URL", raising=False)
        patch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
        yield Engine(load(ENVIRONMENT), lambda site, message: None)


def up(clone: SmallClone) -> StackOutcome:
    with standing_in(clone) as engine:
        return engine.run(STACK, "up", "--yes", "--skip-preview")


def preview(clone: SmallClone) -> StackOutcome:
    with standing_in(clone) as engine:
        return engine.run(STACK, "preview")


def texts_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def test_two_clones_share_a_stack_and_no_credentials_are_left_behind(
    s3: S3Service, credentials: str, tmp_path: Path
) -> None:
    first = SmallClone(tmp_path / "first", url(s3), PASSPHRASE)
    second = SmallClone(tmp_path / "second", url(s3), PASSPHRASE)
    stranger = SmallClone(tmp_path / "stranger", url(s3), "another passphrase")

    made = up(first)
    seen = preview(second)
    refused = preview(stranger)

    assert made.ok, made.errors
    assert made.changed == 2
    assert seen.ok, seen.errors
    assert seen.changed == 0
    with standing_in(second) as engine:
        outputs = json.loads(engine.output("stack", "output", "-s", str(STACK), "--json", "--show-secrets"))
    assert outputs == {"place": "shelf 7", "word": "open sesame"}
    assert "passphrase" in refused.errors[0]
    assert "dingli controller import" in refused.errors[0]

    objects = {item["Key"] for item in s3.client().list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert f"east/.pulumi/stacks/dingli/{STACK}.json" in objects
    assert not list((first.path / ".dingli").rglob("*base-one*"))
    for key in objects:
        assert credentials.encode() not in s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert [path for path, text in texts_below(tmp_path) if credentials.encode() in text] == []


def test_a_dead_engines_lock_in_the_bucket_is_removed_and_another_machines_is_not(
    s3: S3Service, tmp_path: Path
) -> None:
    clone = SmallClone(tmp_path / "clone", url(s3), PASSPHRASE)
    assert up(clone).ok
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    def lock(pid: int, host: str) -> None:
        content = {"pid": pid, "username": "someone", "hostname": host, "timestamp": "2026-11-21T00:00:00Z"}
        s3.client().put_object(Bucket=BUCKET, Key=LOCK, Body=json.dumps(content).encode())

    lock(ended.pid, socket.gethostname())
    after_a_crash = up(clone)
    lock(1, "elsewhere")
    elsewhere = up(clone)

    assert after_a_crash.ok, after_a_crash.errors
    assert "another machine, elsewhere" in elsewhere.errors[0]
    assert f"s3://{BUCKET}/{LOCK}" in elsewhere.errors[0]
    assert s3.client().list_objects_v2(Bucket=BUCKET, Prefix=LOCK)["KeyCount"] == 1


def test_what_is_wrong_with_the_bucket_is_said(s3: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = preview(SmallClone(tmp_path / "nowhere", url(s3, "not-there"), PASSPHRASE))
    assert "no bucket 'not-there'" in nowhere.errors[0]
    assert "correct `state.backend`" in nowhere.errors[0]

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    bare = preview(SmallClone(tmp_path / "bare", url(s3), PASSPHRASE))
    assert "no credentials" in bare.errors[0]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")

    s3.process.terminate()
    s3.process.wait(30)
    down = preview(SmallClone(tmp_path / "down", url(s3), PASSPHRASE))
    assert "no answer from http://127.0.0.1" in down.errors[0]


def test_an_unknown_access_key_is_called_one(credentials: str, tmp_path: Path) -> None:
    with running_s3(tmp_path / "strict.log", INITIAL_NO_AUTH_ACTION_COUNT="0") as service:
        refused = preview(SmallClone(tmp_path / "refused", url(service), PASSPHRASE))

    assert "an access key that the service knows" in refused.errors[0]
    assert credentials not in refused.errors[0]
