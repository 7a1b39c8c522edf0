"""A bucket is attacked with the archiver's own credentials, and afterwards cleared of what that added."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dingli.archive import Bucket, archive_closed
from dingli.archive.backing_up import back_up
from dingli.archive.backups import FILE, Kind
from dingli.archive.source import over_ssh
from drills.exceptions import StepFailed
from drills.ransomware import additions as added
from drills.ransomware.additions import Additions
from drills.ransomware.attack import Attack
from drills.ransomware.attempts import Tally, let_through
from drills.ransomware.canary import forget_bucket, try_bucket, try_object
from drills.ransomware.ledger import LEDGER, SummingBucket, read
from drills.ransomware.rules import acts_on_bucket, put_back, rules_of
from drills.ransomware.settings import FOLDER, Settings, workspaces
from drills.ransomware.steps import ATTACK, CANARY, REMOVED, RULES, SUMS, keep, kept

__all__ = ["archive_now", "attack", "back_up_now", "clean_up", "clear_earlier", "forget_restored", "try_canary"]


def archive_now(configuration: dict[str, Any]) -> dict[str, Any]:
    """`dingli archive run`, once."""
    settings = Settings.confirmed(configuration)
    environment, bucket = settings.environment, _summing(settings)
    size = settings.archive.segment_entries
    found = {
        cell: archive_closed(bucket, environment.name, over_ssh(environment, cell), size) for cell in environment.cells
    }
    bucket.save()
    if doubts := [doubt for one in found.values() for doubt in one.doubts]:
        raise StepFailed("; ".join(doubts), "an archive without doubts", "`dingli archive verify`")
    return {cell: {"last": one.last, "sum": one.sum, "written": one.written} for cell, one in found.items()}


def back_up_now(configuration: dict[str, Any]) -> dict[str, Any]:
    """`dingli backup run`. What was kept is named in the drill's evidence, as a backup's own would."""
    settings = Settings.confirmed(configuration)
    bucket, now = _summing(settings), f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    found: list[dict[str, str]] = []
    try:
        for kind in Kind:
            found.extend(one.row for one in back_up(bucket, settings.environment, kind, now))
    finally:
        (settings.workspace / FILE).write_text("".join(json.dumps(row) + "\n" for row in found))
        bucket.save()
    return {"kept": {kind: sum(row["kind"] == kind for row in found) for kind in Kind}, "evidence": [FILE]}


def try_canary(configuration: dict[str, Any]) -> dict[str, Any]:
    """The attack on what the drill has made itself. Raises StepFailed where the storage does not keep its word."""
    settings = Settings.confirmed(configuration)
    bucket = Bucket(settings.archive)
    before = rules_of(bucket)
    keep(settings, RULES, before)
    on_object = try_object(
        bucket, settings, Additions(settings.workspace / added.ADDED), bool(before["lock"].get("Rule"))
    )
    found = {"object": on_object}
    keep(settings, CANARY, found)
    broken = let_through(on_object["tried"])
    if broken or not on_object["whole"]:
        what = ", ".join(broken) or "nothing that it admits, and the object is not as it was"
        raise StepFailed(
            f"the storage does not keep its word: on a locked object of the drill's own it let through: {what}",
            "that nobody can do that",
            "the rest of the bucket was not touched. Do not trust these locks; ask who runs the service",
        )
    found["bucket"] = try_bucket(bucket, settings.archive, settings)
    keep(settings, CANARY, found)
    if broken := let_through(found["bucket"]["tried"]):
        raise StepFailed(
            f"the storage does not keep its word: on a bucket of the drill's own it let through: {', '.join(broken)}",
            "that a bucket with object lock keeps it, and its versions, and is not deleted while it holds anything",
            "the archive's bucket was not touched. Do not trust these locks; ask who runs the service",
        )
    return found


def attack(configuration: dict[str, Any]) -> dict[str, Any]:
    """Everything that is in the ledger, then the bucket itself. Raises StepFailed for what should not have gone."""
    settings = Settings.confirmed(configuration)
    bucket, before, canary = Bucket(settings.archive), kept(settings, RULES), kept(settings, CANARY)
    attack_on = Attack(
        bucket,
        Additions(settings.workspace / added.ADDED),
        locks_by_itself=bool(before["lock"].get("Rule")),
        overwrites=canary["object"]["marks_can_be_removed"],
    )
    on_bucket, with_bucket = Tally(), settings.is_lab or canary["bucket"]["had"]
    began = datetime.now(UTC).isoformat()
    try:
        attack_on.run(read(settings.workspace / LEDGER))
        if with_bucket and not let_through(attack_on.tally.as_data()):
            _on_bucket(bucket, settings, before, on_bucket)
    finally:
        found = {"began": began, "objects": attack_on.objects, "spared": attack_on.spared, "bucket_tried": with_bucket}
        found |= {"tried": attack_on.tally.as_data(), "bucket": on_bucket.as_data()}
        keep(settings, ATTACK, found)
    if broken := let_through(attack_on.tally.as_data() | on_bucket.as_data()):
        raise StepFailed(
            f"the storage let through what it promised to refuse: {', '.join(broken)}",
            "that nobody can do that",
            "the attack ended there; what is missing is said below. Do not trust these locks",
        )
    return found


def _on_bucket(bucket: Bucket, settings: Settings, before: dict[str, Any], tally: Tally) -> None:
    for act in acts_on_bucket(bucket.client, bucket.name, before, f"{settings.prefix}{FOLDER}/"):
        with bucket.as_our_errors():
            try:
                done = tally.tries(act)
            finally:
                put_back(bucket, before)
            if done and let_through(tally.as_data()):
                return


def clean_up(configuration: dict[str, Any]) -> dict[str, Any]:
    """Takes away what the drill added, and puts the bucket's rules back; as a rollback, what is still to be done."""
    settings = Settings.of(configuration)
    return _cleared(settings) if settings.run_id else {}


def clear_earlier(configuration: dict[str, Any]) -> bool:
    """The same for earlier drills that were killed, and what they had brought back goes from this machine."""
    settings = Settings.confirmed(configuration)
    for folder in sorted(workspaces(settings.environment).glob("*")):
        shutil.rmtree(replace(settings, run_id=folder.name).restored, ignore_errors=True)
        if folder.name != settings.run_id and (folder / added.ADDED).is_file():
            _cleared(replace(settings, run_id=folder.name))
    return True


def _cleared(settings: Settings) -> dict[str, Any]:
    if (settings.workspace / REMOVED).is_file() and not kept(settings, REMOVED)["left"]:
        return kept(settings, REMOVED)
    if not (settings.workspace / RULES).is_file():
        return {}  # nothing was touched
    bucket, ours = Bucket(settings.archive), added.read(settings.workspace)
    rules = put_back(bucket, kept(settings, RULES))
    forget_bucket(bucket, settings)
    left = added.remove(bucket, ours)
    old = _canaries_of_old(bucket, settings)
    found = {"removed": len(ours) - len(left), "left": left, "rules_put_back": rules, "old_canaries_removed": old}
    keep(settings, REMOVED, found)
    if harm := [one for one in left if not one.startswith(f"{settings.prefix}{FOLDER}/")]:
        raise StepFailed(
            f"{len(harm)} of {len(ours)} things that the drill added are still in the bucket: {harm[0]}",
            "the bucket as before",
            f"remove them with other credentials: {settings.workspace / added.ADDED} has them all",
        )
    return found


def _canaries_of_old(bucket: Bucket, settings: Settings) -> int:
    """Those whose lock is over."""
    removed = 0
    for versions in bucket.versions(f"{settings.prefix}{FOLDER}/").values():
        free = [added.Added(one.key, one.id) for one in versions if not one.deleted and not bucket.locked_until(one)]
        removed += len(free) - len(added.remove(bucket, free))
    return removed


def forget_restored(configuration: dict[str, Any]) -> dict[str, Any]:
    """What was brought back is secret, and goes from this machine."""
    settings = Settings.of(configuration)
    if not settings.run_id or not settings.restored.is_dir():
        return {"removed": False}
    shutil.rmtree(settings.restored)
    return {"removed": True}


def _summing(settings: Settings) -> SummingBucket:
    return SummingBucket(settings.archive, settings.workspace / SUMS)
