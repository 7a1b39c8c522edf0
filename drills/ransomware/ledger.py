"""What was in the bucket before the attack: every version, its SHA-256 and its lock."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dingli.archive import Bucket, Version, read_chain
from dingli.archive.backups import Kind, backups, check, unnamed
from dingli.archive.chain import journals
from dingli.archive.looks import earlier_looks, forgotten
from dingli.environment import Archive, Environment
from dingli.evidence import Store
from drills.ransomware.settings import FOLDER, Settings

__all__ = [
    "JOURNAL",
    "KINDS",
    "LEDGER",
    "Row",
    "SummingBucket",
    "cells_in",
    "no_room",
    "not_as_before",
    "not_whole",
    "read",
    "rows",
    "write",
]

LEDGER = "kept-before.jsonl"
JOURNAL = "journal"
KINDS = (JOURNAL, *(str(kind) for kind in Kind))
LASTS = timedelta(hours=1)
"""How long every lock must hold on at least: an object whose lock ended during the drill would really be deleted."""
_PACKED = 10
"""How much room backups take on this machine for each byte that they have in the bucket: they are unpacked, too."""


@dataclass(frozen=True)
class Row:
    """One version. Of an object whose versions are several, each is as good as the other: else nothing is begun."""

    kind: str
    key: str
    version: str
    bytes: int
    sha256: str
    locked_until: str

    @property
    def lock_ends(self) -> datetime:
        return datetime.fromisoformat(self.locked_until)


class SummingBucket(Bucket):
    """Remembers the SHA-256 of every version that was read to its end, in a file between two steps."""

    def __init__(self, settings: Archive, file: Path) -> None:
        super().__init__(settings)
        self._file = file
        lines = file.read_text().splitlines() if file.is_file() else []
        self.sums: dict[tuple[str, str], str] = {
            (key, version): total for key, version, total in map(json.loads, lines)
        }

    def parts(self, version: Version) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for part in super().parts(version):
            digest.update(part)
            yield part
        self.sums[version.key, version.id] = digest.hexdigest()

    def sum_of(self, version: Version) -> str:
        """Reads it if nobody has."""
        if (version.key, version.id) not in self.sums:
            for _ in self.parts(version):
                pass
        return self.sums[version.key, version.id]

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(json.dumps([*place, total]) + "\n" for place, total in self.sums.items()))


def rows(bucket: SummingBucket, settings: Settings, findings: list[str]) -> list[Row]:
    """All versions of what is this environment's, but for canaries; `findings` gets what must not be attacked."""
    found, least = [], datetime.now(UTC) + LASTS
    for key, versions in bucket.versions(settings.prefix).items():
        kind = key.removeprefix(settings.prefix).partition("/")[0]
        if kind == FOLDER:
            continue
        if kind not in KINDS:
            findings.append(f"{key}: nobody here knows what it is")
            continue
        for version in versions:
            if version.deleted:
                findings.append(f"{key}: marked as deleted (version {version.id})")
                continue
            until = bucket.locked_until(version)
            if until is None or until < least:
                findings.append(f"{key}: version {version.id} is locked until {until or 'never'}, less than an hour on")
                continue
            found.append(Row(kind, key, version.id, version.size, bucket.sum_of(version), until.isoformat()))
    return found


def cells_in(bucket: Bucket, environment: Environment) -> list[str]:
    """Those that are declared, and those of which there is a journal."""
    prefix = f"{environment.name}/{JOURNAL}/"
    found = {key.removeprefix(prefix).partition("/")[0] for key in bucket.versions(prefix)}
    return [*environment.cells, *sorted(found - set(environment.cells))]


def not_whole(bucket: Bucket, environment: Environment) -> list[str]:
    """What `dingli archive verify` and `dingli backup verify` would say."""
    store, findings = Store.of(environment.name), []
    for cell in cells_in(bucket, environment):
        known = journals(bucket, environment.name, cell)
        chains = [read_chain(bucket, name, cell, objects) for name, objects in known.items()]
        findings += [finding for chain in chains for finding in chain.findings]
        findings += forgotten(chains, earlier_looks(store, cell))
    every = [one for kind in Kind for one in backups(bucket, environment.name, kind)]
    findings += [finding for one in every for finding in check(bucket, one)]
    return findings + unnamed(every, store)


def no_room(settings: Settings, found: Iterable[Row]) -> list[str]:
    """Everything is brought back to this machine."""
    wanted = sum(row.bytes * (1 if row.kind == JOURNAL else _PACKED) for row in found)
    settings.workspace.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.workspace).free
    return [] if wanted <= free else [f"{settings.workspace} has room for {free} bytes, the restore may take {wanted}"]


def not_as_before(bucket: Bucket, settings: Settings, before: Iterable[Row]) -> list[str]:
    """What differs from the ledger: versions that are gone, that were added, or whose lock is another one.

    An object that is new since is the archiver's, which goes on meanwhile.
    """
    present = bucket.versions(settings.prefix)
    known: dict[str, dict[str, Row]] = {}
    for row in before:
        known.setdefault(row.key, {})[row.version] = row
    findings = []
    for key, versions in known.items():
        there = {version.id: version for version in present.get(key, [])}
        findings += [f"{key}: version {one} is gone" for one in versions.keys() - there.keys()]
        findings += [f"{key}: version {one} was added" for one in there.keys() - versions.keys()]
        for one in versions.keys() & there.keys():
            until = bucket.locked_until(there[one])
            if until is None or until < versions[one].lock_ends:
                findings.append(f"{key}: the lock of version {one} was until {versions[one].locked_until}, now {until}")
    return findings


def write(file: Path, found: Iterable[Row]) -> None:
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in found))


def read(file: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in file.read_text().splitlines()]
