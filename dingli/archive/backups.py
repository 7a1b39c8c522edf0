"""What else is worth keeping where nobody can change it: evidence, the controller's export, snapshots of etcd.

An object is named by the SHA-256 of its content: `ENV/KIND/NAME/SHA256`. So it proves itself, whichever version it is,
and the good one is found among any number of others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from re import fullmatch

from dingli.archive.bucket import Bucket, Version
from dingli.archive.exceptions import ArchiveError
from dingli.evidence.store import Store

__all__ = ["FILE", "KIND", "Backup", "Kind", "backups", "check", "keep", "restore", "unnamed"]

KIND, FILE = "backup", "kept.jsonl"
"""Of the evidence that a backup leaves: its kind, and the raw file that names what was kept."""


class Kind(StrEnum):
    """What is kept."""

    EVIDENCE = "evidence"
    """One run's folder, as a tar."""
    CONTROLLER = "controller"
    """What `dingli controller export` makes: stack state, keys and more, sealed to the recovery key."""
    ETCD = "etcd"
    """A snapshot of a journal member, gzipped."""


@dataclass(frozen=True)
class Backup:
    """Something that was kept; `versions` from the oldest on, not all of which need to be it."""

    kind: Kind
    name: str
    sha256: str
    versions: tuple[Version, ...]

    @property
    def row(self) -> dict[str, str]:
        """How evidence names it."""
        return {"kind": self.kind, "name": self.name, "sha256": self.sha256}


def keep(bucket: Bucket, environment: str, kind: Kind, name: str, file: Path) -> Backup | None:
    """Puts a file into the bucket; None if just this content is there under the name."""
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        key = f"{environment}/{kind}/{name}/{sha256}"
        present = bucket.versions(key).get(key, [])
        if present and _good(bucket, Backup(kind, name, sha256, tuple(present))) is not None:
            return None
        opened.seek(0)
        return Backup(kind, name, sha256, (bucket.put_from(key, opened),))


def backups(bucket: Bucket, environment: str, kind: Kind) -> list[Backup]:
    """By name: evidence by number, the others by time."""
    found = []
    prefix = f"{environment}/{kind}/"
    for key, versions in bucket.versions(prefix).items():
        match = fullmatch(r"([A-Za-z0-9-]+)/([0-9a-f]{64})", key.removeprefix(prefix))
        if match:
            found.append(Backup(kind, match[1], match[2], tuple(versions)))
    return sorted(found, key=lambda one: one.name)


def restore(bucket: Bucket, backup: Backup, into: Path) -> Path:
    """Writes the version whose content has the right sum; raises ArchiveError when there is none."""
    beside = into.with_name(into.name + ".part")
    for version in backup.versions:
        if version.deleted:
            continue
        digest = hashlib.sha256()
        with beside.open("wb") as output:
            for part in bucket.parts(version):
                digest.update(part)
                output.write(part)
        if digest.hexdigest() == backup.sha256:
            return beside.replace(into)
    beside.unlink(missing_ok=True)
    raise ArchiveError(f"{_key(backup)}: no version of it has the content that its name says", "one", "another backup")


def check(bucket: Bucket, backup: Backup) -> Iterator[str]:
    """What is not as it should be."""
    key = _key(backup)
    good = _good(bucket, backup)
    if good is None:
        yield f"{key}: no version of it has the content that its name says"
    elif bucket.locked_until(good) is None:
        yield f"{key}: version {good.id} is not locked any more"
    for version in backup.versions:
        if version.deleted:
            yield f"{key}: marked as deleted (version {version.id})"
        elif version != good and not _is(bucket, backup, version):
            yield f"{key}: version {version.id} is something else"


def unnamed(every: Iterable[Backup], store: Store) -> list[str]:
    """Backups that no evidence here names: who can write to the bucket can add one of his own. None without evidence.

    Runs of evidence are left out: their own signatures say whose they are.
    """
    files = [folder.path / "raw" / FILE for folder in store.folders()]  # of backups, and of drills that made one
    rows = [json.loads(line) for file in files if file.is_file() for line in file.read_text().splitlines()]
    suspects = [one for one in every if rows and one.kind is not Kind.EVIDENCE and one.row not in rows]
    return [f"{_key(one)}: no evidence of a backup names it" for one in suspects]


def _key(backup: Backup) -> str:
    return backup.versions[0].key


def _good(bucket: Bucket, backup: Backup) -> Version | None:
    able = (version for version in backup.versions if not version.deleted)
    return next((version for version in able if _is(bucket, backup, version)), None)


def _is(bucket: Bucket, backup: Backup, version: Version) -> bool:
    digest = hashlib.sha256()
    for part in bucket.parts(version):
        digest.update(part)
    return digest.hexdigest() == backup.sha256
