"""The archive of the lab's own system, in a bucket of the lab's cloud, is attacked with the archiver's credentials."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from dingli.archive import Bucket
from dingli.cell import observe
from dingli.controller.recovery import default_folder, maker_of
from dingli.environment import Archive, Environment, environment_file
from dingli.environment.industry import LAB_CA_FILE, LAB_CREDENTIALS_FILE
from dingli.evidence import Store
from tests.live.drills.conftest import DINGLI, ROOT

pytestmark = pytest.mark.long  # every run of evidence that there is goes into the bucket, and comes back

SEGMENTS = 3
FEWEST, MOST = 100, 100_000


@pytest.fixture
def archive(lab: Environment) -> Archive:
    """A bucket of this test's own: what is in it is locked for a day, and goes with the cloud."""
    assert lab.cloud is not None
    entries = min(observe(lab, cell, members=False).head for cell in lab.cells)
    return Archive(
        bucket=f"ransom-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}",
        retention_days=1,
        endpoint=f"https://{lab.cloud.address}:{lab.cloud.port}",
        region=lab.cloud.region,
        ca=LAB_CA_FILE,
        credentials_file=LAB_CREDENTIALS_FILE,
        segment_entries=min(MOST, max(FEWEST, entries // SEGMENTS)),
    )


@pytest.fixture
def declared(archive: Archive, tmp_path: Path) -> Path:
    """The lab's file with this archive; nobody would watch over one that the lab's own file declared."""
    file = tmp_path / "lab.yaml"
    section = yaml.safe_dump({"archive": archive.model_dump(exclude_none=True)})
    file.write_text(environment_file("lab").read_text() + section)
    return file


def dingli(*words: object) -> str:
    done = subprocess.run(
        [DINGLI, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_comes_back_after_an_attack_and_sums_prove_it(
    lab: Environment, archive: Archive, declared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (key,) = default_folder().glob(f"lab-{maker_of(lab).recipient}.key")
    dingli("archive", "init", declared)
    report = json.loads(dingli("drill", "ransomware", declared, "--yes", "--json", "--key", key))
    assert (report["verdict"], report["reasons"]) == ("pass", [])
    assert report["attack"]["objects"] == report["objects"]
    assert all(one["objects"] for one in report["restored"]["kinds"].values())
    assert [one for one in report["proofs"] if one["outcome"] != "proven"] == []
    assert {one["done"] for what, one in report["attack"]["tried"].items() if "lock" in what} == {0}
    # It looks as before to who comes after, and what was kept is known by its evidence.
    assert json.loads(dingli("backup", "verify", declared, "--json"))["findings"] == []
    canary = report["canary"]["object"]["key"]
    found = Bucket(archive).versions("")
    assert len(found.pop(canary)) == 1
    assert len(found) == report["objects"]
    assert {len(versions) for versions in found.values()} == {1}
    assert (Store.of("lab").folders()[-1].path / "report.html").stat().st_size > 5_000
    with capsys.disabled():
        kinds = {kind: (one["objects"], one["bytes"]) for kind, one in report["restored"]["kinds"].items()}
        print(f"\n{report['restore_s']:.1f} s to bring back {kinds}; {report['refused']} attempts refused")
