"""What will be done to a bucket, in words, before anything is."""

from __future__ import annotations

from typing import Any

from dingli.archive import Bucket
from drills.experiment import Drill
from drills.ransomware.settings import FOLDER, Settings

__all__ = ["plan"]


def plan(drill: Drill, experiment: dict[str, Any], settings: Settings) -> list[str]:
    """Only asks the bucket; raises BucketTrouble for one that is no archive's."""
    bucket = Bucket(settings.archive)
    bucket.require()
    there = bucket.versions(settings.prefix)
    size = sum(version.size for versions in there.values() for version in versions)
    days, target = settings.archive.retention_days, settings.environment.targets.restore_s
    opens = "with the recovery key" if settings.recovery_key else "not opened: no --key"
    return [
        drill.titled(settings),
        f"  at {bucket.service}; below {settings.prefix}: {len(there)} objects, {size:,} bytes",
        f"  first: all of it is read; what is new is archived and backed up, locked for {days} days as ever; every sum "
        "is written into the evidence",
        "  then, with the archiver's credentials, on an object and a bucket that the drill makes; if the storage does "
        "not keep its word there, the drill ends",
        f"  fault: {drill.does.format(**settings.words())}",
        f"  restore: everything, to {settings.restored} for as long as the drill runs; target {target:g} s; the "
        f"controller's export is {opens}",
        "  afterwards the drill's versions and marks are removed; what stays: the fresh copies, and for a day a locked "
        f"{settings.prefix}{FOLDER}/{settings.run_id}/canary",
        "  steps: " + " > ".join(one["name"] for one in experiment["method"]),
        "  always at the end: " + ", ".join(one["name"] for one in experiment["rollbacks"]),
    ]
