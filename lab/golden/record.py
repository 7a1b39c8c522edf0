"""The record of how an image was built, kept beside it: what went in, what came out, what was checked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.exceptions import LabError
from lab.golden import FILE

__all__ = ["BuildRecord", "Builder", "Package", "Point", "Root", "read"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Package(_Frozen):
    """An installed package; `sha256` is its file's, as the archive's signed list says; empty if it says nothing."""

    name: str
    version: str
    architecture: str
    sha256: str = ""


class Root(_Frozen):
    """All files: how many paths, and the sum of their listing."""

    paths: int
    sha256: str


class Point(_Frozen):
    """A sub-point of an item of the audit's catalogue, judged on the image."""

    item: str
    point: str
    verdict: str
    says: str


class Builder(_Frozen):
    """The machine that built it."""

    host: str
    system: str
    kernel: str
    arch: str
    tool: str


class BuildRecord(_Frozen):
    """Sums are SHA-256. `roles`: of the parts that were applied. `observed`: of raw outputs, kept beside it."""

    format: str
    image: str
    os: str
    arch: str
    recipe_sha256: str
    roles: dict[str, str]
    release: dict[str, str]
    packages: tuple[Package, ...]
    root: Root
    observed: dict[str, str]
    catalogue_sha256: str
    policy_sha256: str
    satisfies: tuple[str, ...]
    points: tuple[Point, ...]
    started: datetime
    ended: datetime
    built_on: Builder

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"


def read(folder: Path) -> BuildRecord:
    """The record of the image in this folder of the cache."""
    file = folder / FILE
    try:
        return BuildRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{error.error_count()} mistakes"
        raise LabError(
            f"{file} is no record of an image: {why}", "what `dingli image build` writes", "build the image again"
        ) from error
