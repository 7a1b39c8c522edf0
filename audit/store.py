"""Raw evidence on disk: one file for each record, and an index with their SHA-256 sums.

    raw/audit-index.json                the scope, and the sum of every other file
    raw/<host>.<record>.json            one record

Reading never trusts: a file that is missing, changed or extra becomes a problem of its object, hence an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from audit.exceptions import EvidenceError
from audit.objects import ObjectKind
from audit.records import ObjectEvidence, Record, StoredRecord, sha256

INDEX = "audit-index.json"
RAW = "raw"
AddRaw = Callable[[str, bytes], object]
"""Keeps a raw output by its name, as `add_raw` of a run of dingli.evidence does."""


class ScopedObject(BaseModel):
    """An object of the audit's scope, whether it was to be examined this time, and the files that came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    kind: ObjectKind = Field(validation_alias=AliasChoices("kind", "object_class"))  # the name of the first audits
    note: str = ""
    examined: bool = True
    files: dict[str, str]


class Index(BaseModel):
    """What an audit was of: without it, an object whose files were deleted would go unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    started: datetime
    objects: tuple[ScopedObject, ...]
    items: tuple[str, ...] = ()
    """Beginnings of the items that were asked for; none: all."""


def save(add_raw: AddRaw, index_of: Index, records: Mapping[str, tuple[Record, ...]]) -> tuple[ObjectEvidence, ...]:
    """Writes all records (by object) and the index; gives them back as evidence."""
    objects, evidence = [], []
    for scoped in index_of.objects:
        stored: dict[str, StoredRecord] = {}
        for record in records.get(scoped.name, ()):
            data, file = record.to_bytes(), f"{scoped.name}.{record.name}.json"
            add_raw(file, data)
            stored[record.name] = StoredRecord(file=f"{RAW}/{file}", sha256=sha256(data), record=record)
        objects.append(scoped.model_copy(update={"files": {name: one.sha256 for name, one in stored.items()}}))
        evidence.append(_evidence(scoped, stored))
    index = index_of.model_copy(update={"objects": tuple(objects)})
    add_raw(INDEX, index.model_dump_json(indent=1).encode() + b"\n")
    return tuple(evidence)


def read(folder: Path) -> tuple[Index, tuple[ObjectEvidence, ...]]:
    """The evidence stored in an audit's folder. Raises EvidenceError if there is no readable index."""
    file = folder / RAW / INDEX
    try:
        index = Index.model_validate_json(file.read_bytes())
    except OSError as error:
        raise EvidenceError(
            f"{file}: {error.strerror}", "the folder of an audit", "name the folder that `dingli audit` printed"
        ) from error
    except ValidationError as error:
        raise EvidenceError(f"{file} is not an audit's index: {error.error_count()} mistakes") from error
    return index, tuple(_object(folder, scoped) for scoped in index.objects)


def _object(folder: Path, scoped: ScopedObject) -> ObjectEvidence:
    stored = {name: _stored(folder, scoped.name, name, expected) for name, expected in scoped.files.items()}
    return _evidence(scoped, stored)


def _evidence(scoped: ScopedObject, stored: dict[str, StoredRecord]) -> ObjectEvidence:
    return ObjectEvidence(
        name=scoped.name, kind=scoped.kind, note=scoped.note, examined=scoped.examined, records=stored
    )


def _stored(folder: Path, owner: str, name: str, expected: str) -> StoredRecord:
    file = f"{RAW}/{owner}.{name}.json"
    try:
        data = (folder / file).read_bytes()
    except OSError as error:
        return StoredRecord(file=file, sha256=expected, record=None, problem=f"cannot be read: {error.strerror}")
    if sha256(data) != expected:
        return StoredRecord(
            file=file, sha256=sha256(data), record=None, problem=f"was altered: its sum should be {expected}"
        )
    try:
        record = Record.from_bytes(data, file)
    except EvidenceError as error:
        return StoredRecord(file=file, sha256=expected, record=None, problem=str(error))
    if (record.name, record.host) != (name, owner):
        return StoredRecord(file=file, sha256=expected, record=None, problem=f"holds {record.name} of {record.host}")
    return StoredRecord(file=file, sha256=expected, record=record)
