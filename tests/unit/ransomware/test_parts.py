"""Parts of the drill: what an answer means, what is held back, what counts as a proof, and the page."""

from __future__ import annotations

import gzip
import re
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from botocore.exceptions import ClientError
from chaoslib.experiment import ensure_experiment_is_valid
from moto.s3.exceptions import S3AccessDeniedError

from dingli.archive import BucketTrouble, Version
from dingli.archive.backups import Kind
from dingli.controller.recovery import make_key
from drills.actions import ransom
from drills.exceptions import DrillRefused
from drills.experiment import Drill
from drills.probes import archive as probes
from drills.ransomware import additions, restoring
from drills.ransomware.additions import Additions
from drills.ransomware.attack import overwrite
from drills.ransomware.attempts import Act, Tally, let_through
from drills.ransomware.judge import RansomReport
from drills.ransomware.proofs import Outcome, Proof, prove
from drills.ransomware.report import render_html
from drills.ransomware.restoring import Back
from drills.ransomware.rules import put_back, rules_of
from drills.report import junit
from lab.cloud.storage import LockingStorage
from tests.unit.drills.test_report import Page
from tests.unit.ransomware.conftest import REPOSITORY, World

pytestmark = pytest.mark.slow  # an S3 service


def refusing(status: int, code: str) -> Callable[[], Any]:
    def call() -> Any:
        raise ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Try")  # type: ignore[typeddict-item]

    return call


def test_a_refusal_is_counted_by_its_code_and_a_trouble_is_neither_yes_nor_no() -> None:
    tally = Tally()
    assert tally.tries(Act("delete a version", lambda: {}))
    assert not tally.tries(Act("delete a version", refusing(403, "AccessDenied")))
    assert not tally.tries(Act("delete it in bulk", lambda: {"Errors": [{"Code": "AccessDenied"}]}))
    assert not tally.tries(Act("switch versions off", refusing(501, "NotImplemented")))
    for status in (404, 429, 500, 503):
        with pytest.raises(BucketTrouble, match="answers SlowDown"):
            tally.tries(Act("delete a version", refusing(status, "SlowDown")))
    assert tally.as_data()["delete a version"] == {"done": 1, "refused": {"AccessDenied": 1}}
    assert let_through(tally.as_data()) == ["delete a version"]


def test_where_everything_new_is_locked_what_the_attacker_writes_has_a_short_lock_of_its_own(
    world: World, tmp_path: Path
) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 3_000}}
    world.client.put_object_lock_configuration(
        Bucket=world.bucket.name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    key = next(iter(world.versions()))
    overwrite(world.bucket, key, b"pay", Tally(), Additions(tmp_path / additions.ADDED), locks_by_itself=True)
    (added,) = additions.read(tmp_path)
    until = world.bucket.locked_until(Version(key, added.version))
    assert until == datetime.fromisoformat(added.locked_until)
    assert until < datetime.now(UTC) + timedelta(minutes=2)


def test_rules_of_the_bucket_are_put_back_as_they_were(world: World) -> None:
    name, client = world.bucket.name, world.client
    ours = {"ID": "ours", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 900}}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [ours]})
    before = rules_of(world.bucket)
    client.delete_bucket_lifecycle(Bucket=name)
    weak = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=weak)
    assert put_back(world.bucket, before) == ["object lock", "rules of expiry"]
    assert rules_of(world.bucket) == before
    assert put_back(world.bucket, before) == []


def test_in_production_what_no_bucket_of_its_own_has_withstood_is_not_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise S3AccessDeniedError

    monkeypatch.setattr(LockingStorage, "create_bucket", refuse)
    asked = {"environment": "trial", "run_id": "20261121-000000"}
    for kind, tried in (("lab", True), ("production", False)):
        world.declared.write_text(re.sub("kind: [a-z]+", f"kind: {kind}", world.declared.read_text(), count=1))
        assert probes.steady(asked)
        probes.write_down(asked)
        assert ransom.try_canary(asked)["bucket"]["had"] is False
        found = ransom.attack(asked)
        assert (found["bucket_tried"], bool(found["bucket"])) == (tried, tried)
        ransom.clean_up(asked)
        asked["run_id"] = "20261121-000001"


@pytest.mark.parametrize("step", [ransom.back_up_now, ransom.archive_now, ransom.try_canary, ransom.attack])
def test_without_a_confirmed_drill_nothing_is_touched(world: World, step: Callable[[Any], Any]) -> None:
    with pytest.raises(DrillRefused, match="no drill was confirmed"):
        step({"environment": "trial"})
    assert ransom.clean_up({"environment": "trial"}) == {}


def brought_back(world: World, folder: Path) -> list[Back]:
    return restoring.bring_back(world.bucket, world.environment, folder)[0]


def outcome_of(world: World, back: list[Back], folder: Path, what: str, key: str = "") -> Proof:
    (found,) = [one for one in prove(world.environment, back, folder, key) if one.what.startswith(what)]
    return found


def test_what_came_back_whole_is_proven_and_what_cannot_be_looked_into_is_said(world: World, tmp_path: Path) -> None:
    back = brought_back(world, tmp_path / "back")
    found = {one.what.split()[0]: one for one in prove(world.environment, back, tmp_path / "back", "")}
    assert {name: one.outcome for name, one in found.items()} == {
        "journal": Outcome.PROVEN,
        "evidence": Outcome.PROVEN,
        "snapshot": Outcome.PROVEN,
        "controller's": Outcome.NOT_TRIED,
    }
    assert "no recovery key" in found["controller's"].words


def test_a_proof_that_fails_says_why(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "back"
    back = brought_back(world, folder)
    make_key("other", tmp_path / "other.key")
    assert outcome_of(world, back, folder, "controller", str(tmp_path / "other.key")).outcome is Outcome.FAILED
    without_one = [one for one in back if not one.file.endswith(f"{21:016x}.segment")]
    broken = outcome_of(world, without_one, tmp_path / "back", "journal")
    assert (broken.outcome, "does not follow" in broken.words) == (Outcome.FAILED, True)


def test_evidence_that_came_back_otherwise_is_no_proof_and_what_was_broken_before_is_said(
    world: World, tmp_path: Path
) -> None:
    state, raw = world.root / ".dingli" / "trial", "000001-up-*/raw/output"
    signers = tmp_path / "config" / "dingli" / "trial.allowed_signers"
    signers.parent.mkdir(parents=True)
    signers.write_text("")  # nobody may sign: that is so here, and was before
    as_here = outcome_of(world, brought_back(world, tmp_path / "one"), tmp_path / "one", "evidence")
    assert (as_here.outcome, "as the evidence here" in as_here.words) == (Outcome.NOT_TRIED, True)

    signers.unlink()
    (file,) = (state / "evidence").glob(raw)
    file.write_text("what was not seen")
    changed = tmp_path / "changed"
    with tarfile.open(changed, "w:gz") as tar:
        tar.add(file.parents[1], file.parents[1].name)
    file.write_text("what was seen")
    found = outcome_of(world, [Back(Kind.EVIDENCE, "key", "changed", 1, "")], tmp_path, "evidence")
    assert (found.outcome, "raw/output" in found.words) == (Outcome.FAILED, True)


def test_a_snapshot_that_etcd_does_not_take_is_no_proof(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "etcd" / "20261121T100000Z-00000000"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(b""))
    tool = tmp_path / "refusing" / "etcdutl"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'snapshot file is damaged' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    back = [Back(Kind.ETCD, "key", f"etcd/{file.name}", 1, "")]
    found = outcome_of(world, back, tmp_path, "snapshot")
    assert (found.outcome, "snapshot file is damaged" in found.words) == (Outcome.FAILED, True)


def test_the_shipped_drill_is_a_valid_experiment_whose_plan_says_everything(world: World) -> None:
    experiment = yaml.safe_load((REPOSITORY / "drills" / "ransomware.yaml").read_text())
    ensure_experiment_is_valid(experiment)
    drill = Drill.of(experiment)
    steps = [step["name"] for step in experiment["method"]]
    assert steps.index("write-down") < steps.index("canary") + 1 == steps.index(drill.fault)
    assert [step["provider"]["func"] for step in experiment["rollbacks"]] == ["clean_up", "forget_restored"]


def test_the_page_stands_by_itself_and_says_what_was_not_measured() -> None:
    nothing = RansomReport("ransomware", "Attack on <b>", "trial", "b", "20261121-000000", 3_600)
    html = render_html(nothing)
    page = Page(html)
    assert re.search(r"https?:|//\w|@import|url\(", html) is None
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.elements)
    assert page.text.count("not measured") == 2
    assert "Attack on <b>" in page.text
    assert len(ElementTree.fromstring(junit(nothing))) == 1
