"""An environment with an archive in a bucket that keeps its word, filled with something of every kind."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from chaoslib.experiment import run_experiment
from moto.s3.models import s3_backends

from dingli import evidence
from dingli.archive import Bucket, archive_closed
from dingli.archive.backing_up import back_up
from dingli.archive.backups import FILE, KIND, Kind, keep
from dingli.cli.drill import configured
from dingli.controller.envelope import seal
from dingli.controller.recovery import make_key, maker_of
from dingli.environment import Archive, Environment, load
from drills.controls import drill
from lab.cloud import storage
from tests.unit.archive.conftest import entries_of, journal_of, service, settings

__all__ = ["World", "service", "settings"]

REPOSITORY = Path(__file__).resolve().parents[3]
TRIAL = REPOSITORY / "tests" / "unit" / "drills" / "trial.yaml"
STEPS = "tests.unit.drills.steps"
_ETCDUTL = '#!/bin/sh\nset -eu\nmkdir -p "$5/member/snap"\ncp "$3" "$5/member/snap/db"\n'
"""In place of etcd's own; a real snapshot is restored on the lab."""


class World:
    """The environment `trial`, its bucket, and the drill as `dingli drill` runs it, in this process."""

    def __init__(self, root: Path, archive: Archive) -> None:
        self.root = root
        self.declared = root / "stacks" / "environments" / "trial.yaml"
        self.declared.parent.mkdir(parents=True)
        self.bucket = Bucket(archive)
        self.client: Any = boto3.client("s3", endpoint_url=archive.endpoint, region_name="us-east-1")
        self.declared.write_text(TRIAL.read_text() + yaml.safe_dump({"archive": archive.model_dump(exclude_none=True)}))
        self.key = root / "recovery.key"

    @property
    def environment(self) -> Environment:
        return load("trial")

    def fill(self) -> None:
        """What a day's archiving and a backup would have left."""
        self.bucket.make()
        archive_closed(self.bucket, "trial", journal_of(entries_of(1, 60)), 20)
        with evidence.run(self.environment, kind="up", title="what was done before") as run:
            run.add_raw("output", "what was seen")
            run.result = evidence.Result.PASSED
        make_key("trial", self.key)
        export = self.root / "export"
        export.write_bytes(seal({"state/one.json": b"{}"}, "trial", "now", "us", maker_of(self.environment)))
        snapshot = self.root / "snapshot.gz"
        snapshot.write_bytes(gzip.compress(b"a member's entries"))
        with evidence.run(self.environment, kind=KIND, title="backup") as run:
            kept = list(back_up(self.bucket, self.environment, Kind.EVIDENCE, ""))
            for kind, file in ((Kind.CONTROLLER, export), (Kind.ETCD, snapshot)):
                one = keep(self.bucket, "trial", kind, "20261121T100000Z", file)
                assert one is not None
                kept.append(one)
            run.add_raw(FILE, "".join(json.dumps(one.row) + "\n" for one in kept))
            run.result = evidence.Result.PASSED

    def experiment(self, **given: str) -> dict[str, Any]:
        """The drill that is shipped; there are no hosts to archive and back up from."""
        file = REPOSITORY / "drills" / "ransomware.yaml"
        whole = configured(yaml.safe_load(file.read_text()), "ransomware", "trial", given, yes=True)
        for step in whole["method"]:
            if step["name"] in ("archive-now", "back-up-now"):
                step["provider"] = {"type": "python", "module": STEPS, "func": "give"}
        return whole

    def drill(self, monkeypatch: pytest.MonkeyPatch, experiment: dict[str, Any] | None = None) -> drill.Held:
        """What is held when it is over."""
        monkeypatch.setattr(drill, "held", drill.Held())
        asked = experiment or self.experiment()
        run_experiment(asked, {"runtime": asked["runtime"]})
        return drill.held

    def versions(self) -> dict[str, list[str]]:
        """All versions and marks of everything, but of canaries."""
        found = self.bucket.versions("")
        return {key: [one.id for one in ones] for key, ones in found.items() if not key.startswith("trial/drill/")}

    def evidence(self) -> list[dict[str, Any]]:
        """Manifests of the runs of drills."""
        found = sorted((self.root / ".dingli" / "trial" / "evidence").glob("*-drill-*/manifest.json"))
        return [json.loads(path.read_text()) for path in found]

    def buckets(self) -> set[str]:
        return {one["Name"] for one in self.client.list_buckets()["Buckets"]}


def _forget() -> None:
    s3_backends.clear()
    s3_backends.bucket_accounts.clear()


@pytest.fixture
def storage_of_moto(service: str) -> Iterator[None]:
    """Locks may be shortened there, and versions switched off."""
    _forget()
    yield
    _forget()


@pytest.fixture
def storage_that_keeps_its_word(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(s3_backends, "backend", s3_backends.backend)
    storage.install()
    _forget()
    yield
    _forget()


@pytest.fixture
def empty(settings: Callable[[], Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Nothing is in the bucket, which is not made either."""
    root = tmp_path / "root"
    monkeypatch.setenv("DINGLI_ROOT", str(root))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    tool = tmp_path / "bin" / "etcdutl"
    tool.parent.mkdir()
    tool.write_text(_ETCDUTL)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return World(root, settings())


@pytest.fixture
def world(storage_that_keeps_its_word: None, empty: World) -> World:
    empty.fill()
    return empty
