"""Raw evidence as data: what a command printed on an object, when, and how it ended."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from audit.catalogue import ObjectClass
from audit.exceptions import EvidenceError
from audit.objects import ObjectKind


class Record(BaseModel):
    """One command and all that it answered. Times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    host: str
    command: str
    exit_status: int
    started: datetime
    duration_s: float
    stdout: str
    stderr: str

    def to_bytes(self) -> bytes:
        """The file that is kept: the same record always gives the same bytes."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> Self:
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise EvidenceError(
                f"{source} is not a record: {error.error_count()} mistakes", "a file the audit wrote"
            ) from error


class StoredRecord(BaseModel):
    """A record with the file that keeps it and that file's SHA-256; `problem` says why it may not be believed."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    record: Record | None
    problem: str = ""


class ObjectEvidence(BaseModel):
    """All records of one object (测评对象), by name. Not `examined`: left out on purpose, which is no error."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: ObjectKind
    note: str = ""
    examined: bool = True
    records: dict[str, StoredRecord] = {}

    @property
    def object_class(self) -> ObjectClass:
        return self.kind.object_class

    def named(self, prefix: str) -> dict[str, Record]:
        """All records whose names begin so, by the rest of their names. Raises EvidenceError for a damaged one."""
        return {name.removeprefix(prefix): self.record(name) for name in self.records if name.startswith(prefix)}

    def record(self, name: str) -> Record:
        """The record, whatever its exit status. Raises EvidenceError if it is missing or not to be believed."""
        stored = self.records.get(name)
        if stored is None:
            raise EvidenceError(f"{self.name}: record {name} is missing", "one for every command of the check")
        if stored.record is None:
            raise EvidenceError(f"{self.name}: {stored.file}: {stored.problem}")
        return stored.record

    def output(self, name: str) -> str:
        """Standard output of a command that succeeded and said something. Raises EvidenceError otherwise."""
        record = self.record(name)
        if record.exit_status != 0:
            said = record.stderr.strip().splitlines()[-1:] or ["(nothing)"]
            raise EvidenceError(
                f"{self.name}: `{record.command}` ended with {record.exit_status}: {said[0]}", "exit status 0"
            )
        if not record.stdout.strip():
            raise EvidenceError(f"{self.name}: `{record.command}` printed nothing", "its usual output")
        return record.stdout


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
