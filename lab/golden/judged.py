"""What the audit says of an image: its own judgement, on the evidence that files alone can give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fnmatch import fnmatchcase

from audit import catalogue
from audit.checks import framing
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence, StoredRecord, sha256
from lab.golden.listing import Listing
from lab.golden.record import Point

__all__ = ["evidence_of", "leftovers", "points", "satisfied"]

# Records that say of an image what they would say of a host. Whatever asks the kernel, the network or a running program
# would tell of the machine that builds.
_AT_REST = (
    "accounts", "password-states", "login-defs", "faillock-conf", "idle-timeout", "sshd-match", "sshd-inside-*",
    "sshd-outside-*", "sudo-*", "keys-*", "journald-conf", "logrotate-conf", "packages", "os-release", "modes",
    "key-files", "file-scan",
)  # fmt: skip

# Of these an image may have folders and empty files: the host makes its own.
_OF_ONE_HOST = ("/etc/ssh/ssh_host_*", "/etc/machine-id", "/var/lib/dbus/machine-id", "*/.ssh/authorized_keys")
_OF_BUILDING = (
    "/var/log/*", "/var/cache/apt/*", "/var/lib/apt/lists/*", "/tmp/*", "/var/tmp/*",  # noqa: S108 - to be found empty
    "/root/.*_history", "/root/.ansible*", "/etc/hostname", "/etc/resolv.conf", "/etc/shadow-",
)  # fmt: skip
_EMPTY = hashlib.sha256().hexdigest()


def evidence_of(image: str, observed: Mapping[str, bytes]) -> ObjectEvidence:
    """The image as a host of the audit. `observed`: by file name, what gather.sh and audit-facts printed."""
    records = {}
    for file, stream in observed.items():
        for one in framing.split(stream, image):
            if any(fnmatchcase(one.name, pattern) for pattern in _AT_REST):
                records[one.name] = StoredRecord(file=file, sha256=sha256(stream), record=one.record(image))
    return ObjectEvidence(name=image, kind=ObjectKind.HOST, records=records)


def points(evidence: ObjectEvidence) -> tuple[Point, ...]:
    """Every sub-point of the catalogue's items that this evidence can answer, with its verdict."""
    rules = {rule.item_id: rule for rule in engine.RULES if rule.kind is ObjectKind.HOST}
    answerable = {
        (item, point.key)
        for item, rule in rules.items()
        for point in rule.sub_points
        if point.records and all(_has(evidence, pattern) for pattern in point.records)
    }
    return tuple(
        Point(item=row.item, point=one.key, verdict=one.verdict.value, says=one.text_en)
        for row in _rows(evidence)
        for one in row.sub_points
        if (row.item, one.key) in answerable
    )


def satisfied(evidence: ObjectEvidence) -> tuple[str, ...]:
    """The items that the image meets by itself, as a whole: no sub-point is left to a host."""
    return tuple(row.item for row in _rows(evidence) if row.verdict is Verdict.COMPLIANT)


def leftovers(listing: Listing) -> tuple[str, ...]:
    """Paths that belong to one host, or to the building, and so to no image."""
    patterns = (*_OF_ONE_HOST, *_OF_BUILDING)
    return tuple(
        path
        for path in sorted(listing)
        if listing[path].startswith("f ")
        and not listing[path].endswith(_EMPTY)
        and any(fnmatchcase(path, pattern) for pattern in patterns)
    )


def _rows(evidence: ObjectEvidence) -> list[engine.ObjectResult]:
    assessment = engine.judge([evidence], catalogue.load(), policy.load())
    return [row for row in assessment.objects if row.kind is ObjectKind.HOST]


def _has(evidence: ObjectEvidence, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in evidence.records)
