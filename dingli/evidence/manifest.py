"""The manifest that closes a run: sums of all its files, and of the run before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dingli.evidence import signing
from dingli.evidence.exceptions import EvidenceError
from dingli.evidence.store import MANIFEST, SIGNATURE, RunFolder, Store

__all__ = [
    "Entry",
    "Head",
    "Manifest",
    "Result",
    "close",
    "continued_from",
    "entry_of",
    "files_of",
    "head_of",
    "last_head",
    "name_of",
    "places_of",
    "read",
]

_MOST_BYTES = 64 * 1024 * 1024  # of a manifest: some 300,000 files


class Result(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It ended and could not tell, or did not say."""
    INTERRUPTED = "interrupted"


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Plain):
    """A run, and the SHA-256 of its manifest."""

    number: int
    sum: str


class Entry(_Plain):
    """A file of a run; the path is relative to its folder."""

    path: str
    size: int
    sha256: str


class Manifest(_Plain):
    """What manifest.json says."""

    format: Literal[1] = 1
    environment: str
    number: int
    kind: str
    title: str
    started: str
    ended: str
    who: str
    result: Result
    previous: Head | None
    files: tuple[Entry, ...]


def files_of(folder: Path) -> tuple[Entry, ...]:
    """Every file below `folder` but the manifest and its signature, sorted by path, as `entry_of` sees it."""
    return tuple(entry_of(folder, path) for path in places_of(folder))


def places_of(folder: Path) -> Iterator[Path]:
    """What has an entry: all but folders, the manifest and its signature."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path in (folder / MANIFEST, folder / SIGNATURE)):
            yield path


def name_of(folder: Path, path: Path) -> str:
    """The path as manifests write it; a name that is no text is written in hexadecimal digits."""
    raw = os.fsencode(path.relative_to(folder))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"bytes:{raw.hex()}"


def entry_of(folder: Path, path: Path) -> Entry:
    """A file's size and sum; of a symlink its target's name; of a pipe or the like only that it is one."""
    name = name_of(folder, path)
    if path.is_symlink():
        target = os.fsencode(path.readlink())
        return Entry(path=name, size=len(target), sha256="symlink:" + hashlib.sha256(target).hexdigest())
    if not path.is_file():
        return Entry(path=name, size=0, sha256="neither file nor symlink")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(path=name, size=path.stat().st_size, sha256=digest)


def read(folder: RunFolder) -> Manifest:
    """The manifest of a closed run. Raises ValueError or OSError when it is none."""
    if (folder.path / MANIFEST).stat().st_size > _MOST_BYTES:
        raise ValueError(f"a manifest of more than {_MOST_BYTES} bytes")
    return Manifest.model_validate_json((folder.path / MANIFEST).read_bytes())


def read_sound(folder: RunFolder) -> Manifest | None:
    """The same; None if it was damaged, which verification calls broken."""
    try:
        return read(folder)
    except (OSError, ValueError):
        return None


def head_of(folder: RunFolder) -> Head:
    """Number and sum of a closed run; of a file that is too long to be a manifest, the sum of its beginning."""
    with (folder.path / MANIFEST).open("rb") as file:
        return Head(number=folder.number, sum=hashlib.sha256(file.read(_MOST_BYTES)).hexdigest())


def continued_from(store: Store) -> Head | None:
    """The last head of the controller that this one took over from; None for one that began at run 1."""
    if not store.continues.is_file():
        return None
    try:
        return Head.model_validate_json(store.continues.read_bytes())
    except ValueError:
        raise EvidenceError(
            f"{store.continues} cannot be read", "number and sum of a run", "restore it from an export"
        ) from None


def last_head(store: Store) -> Head | None:
    """The head that the next run follows: of the last closed run here, or of the controller before this one."""
    closed = [folder for folder in store.folders() if folder.closed]
    before = continued_from(store)
    if not closed or (before is not None and before.number > closed[-1].number):
        return before
    return head_of(closed[-1])


def close(store: Store, folder: RunFolder, manifest: Manifest) -> Head:
    """Write and sign the manifest. A kill at any point leaves the folder open, never closed and unsigned."""
    data = (manifest.model_dump_json(indent=2) + "\n").encode()
    signature = signing.sign(store.signing_key(), signing.EVIDENCE_NAMESPACE, data)
    for name, content in ((SIGNATURE, signature), (MANIFEST, data)):
        draft = folder.path.parent.parent / f".{name}.{folder.number}"
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder.path / name)
    return head_of(folder)
