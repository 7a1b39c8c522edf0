"""The archive's bucket: whole and locked, written down, brought back, proven."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict
from typing import Any

from dingli.archive import Bucket
from drills.exceptions import StepFailed
from drills.ransomware import ledger, restoring
from drills.ransomware.ledger import KINDS, LEDGER, Row, SummingBucket, no_room, not_as_before, not_whole
from drills.ransomware.proofs import Outcome, prove
from drills.ransomware.restoring import RESTORED, bring_back, differences
from drills.ransomware.settings import Settings
from drills.ransomware.steps import BACK, PROOFS, SUMS, WRITTEN, keep

__all__ = ["proven", "restored", "steady", "write_down"]

_MOST_FINDINGS = 10


def steady(configuration: dict[str, Any]) -> bool:
    """Before: everything is whole and locked. Afterwards: everything is as it was written down. Else StepFailed."""
    settings = Settings.confirmed(configuration)
    bucket = SummingBucket(settings.archive, settings.workspace / SUMS)
    bucket.require()
    file = settings.workspace / LEDGER
    if file.is_file():
        _refuse(not_as_before(bucket, settings, ledger.read(file)), "the bucket as it was")
        return True
    findings = not_whole(bucket, settings.environment)
    found = ledger.rows(bucket, settings, findings)
    bucket.save()
    _refuse(findings + no_room(settings, found), "everything whole and locked")
    return True


def _refuse(findings: list[str], expected: str) -> None:
    if findings:
        more = f"; and {len(findings) - _MOST_FINDINGS} more" if len(findings) > _MOST_FINDINGS else ""
        raise StepFailed(
            "; ".join(findings[:_MOST_FINDINGS]) + more, expected, "`dingli archive verify`, `dingli backup verify`"
        )


def write_down(configuration: dict[str, Any]) -> dict[str, Any]:
    """Every version with its SHA-256, into the evidence before anything is attacked."""
    settings = Settings.confirmed(configuration)
    bucket = SummingBucket(settings.archive, settings.workspace / SUMS)
    findings: list[str] = []
    found = ledger.rows(bucket, settings, findings)
    bucket.save()
    _refuse(findings, "everything whole and locked")
    if not found:
        raise StepFailed("the bucket holds nothing", "something to attack", "`dingli archive run`, `dingli backup run`")
    file = settings.workspace / LEDGER
    ledger.write(file, found)
    facts = {
        "kinds": {kind: _counts([row for row in found if row.kind == kind]) for kind in KINDS},
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "first_lock_ends": min(row.locked_until for row in found),
        "evidence": [LEDGER],
    }
    keep(settings, WRITTEN, facts)
    return facts


def _counts(found: list[Row]) -> dict[str, int]:
    return {"objects": len({row.key for row in found}), "bytes": sum(row.bytes for row in found)}


def restored(configuration: dict[str, Any]) -> dict[str, Any]:
    """Brings everything back and compares every SHA-256 with what was written down; the time is that of both."""
    settings = Settings.confirmed(configuration)
    before = ledger.read(settings.workspace / LEDGER)
    settings.restored.mkdir(mode=0o700, parents=True)
    began = time.monotonic()
    found, kinds = bring_back(Bucket(settings.archive), settings.environment, settings.restored)
    different = differences(before, found)
    seconds = round(time.monotonic() - began, 3)
    restoring.write(settings.workspace / RESTORED, found)
    facts = {"seconds": seconds, "kinds": kinds, "different": len(different)}
    keep(settings, BACK, facts)
    _refuse([one["trouble"] for one in kinds.values() if one["trouble"]] + different, "everything as it was")
    return facts


def proven(configuration: dict[str, Any]) -> dict[str, Any]:
    """What came back can be used."""
    settings = Settings.confirmed(configuration)
    back = restoring.read(settings.workspace / RESTORED)
    found = prove(settings.environment, back, settings.restored, settings.recovery_key)
    facts = {"proofs": [asdict(one) for one in found]}
    keep(settings, PROOFS, facts)
    _refuse([f"{one.what}: {one.words}" for one in found if one.outcome is Outcome.FAILED], "what can be used")
    return facts
