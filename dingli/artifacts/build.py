"""Building a program, or finding it built already."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dingli.artifacts.archive import EPOCH, write_tar, write_zipapp
from dingli.artifacts.exceptions import ArtifactError
from dingli.artifacts.programs import PROGRAMS, Form, Program
from dingli.artifacts.wheels import TARGET, wheel_files
from dingli.environment import project_root
from dingli.setup.cache import key_of

__all__ = ["Artifact", "build", "build_all"]

# Raised when the way of building changes, so that what was built otherwise is not used.
_REVISION = "1"


@dataclass(frozen=True)
class Artifact:
    """A built program on the controller."""

    path: Path
    sha256: str


def build_all(state: Path, names: Iterable[str] | None = None) -> dict[str, Artifact]:
    """The programs called `names` (all by default), kept in `<state>/build`. Raises ArtifactError."""
    known = {program.name: program for program in PROGRAMS}
    wanted = list(names) if names is not None else list(known)
    if unknown := sorted(set(wanted) - set(known)):
        raise ArtifactError(f"no program {', '.join(map(repr, unknown))}", f"some of {', '.join(sorted(known))}")
    return {name: build(known[name], state / "build") for name in wanted}


def build(program: Program, folder: Path, root: Path | None = None) -> Artifact:
    """The program's archive in `folder`, named by what it is made from; built only if it is not there."""
    clone = root or project_root()
    lock = clone / program.lock if program.lock else None
    if lock is not None and not lock.is_file():
        raise ArtifactError(f"{lock} is missing", expected="a lock with hashes of everything that the program imports")
    sources = program.sources(clone)
    texts: list[Path | str] = [_REVISION, program.form.value, str(EPOCH), repr(TARGET) if lock else ""]
    for name, path in sources.items():
        texts += [name, path]
    ending = "tar.gz" if program.form is Form.LIBRARY else "pyz"
    archive = folder / f"{program.name}-{key_of(*texts, *([lock] if lock else []))}.{ending}"
    if not archive.exists():
        _write(program, archive, sources, lock)
    return Artifact(archive, hashlib.sha256(archive.read_bytes()).hexdigest())


def _write(program: Program, archive: Path, sources: dict[str, Path], lock: Path | None) -> None:
    """Whole or not at all: under another name first."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    files = {name: path.read_bytes() for name, path in sources.items()}
    descriptor, unfinished = tempfile.mkstemp(dir=archive.parent, prefix=f".{program.name}.")
    os.close(descriptor)
    try:
        if program.form is Form.LIBRARY:
            library = (wheel_files(lock) if lock else {}) | files
            write_tar(Path(unfinished), {f"lib/{name}": content for name, content in library.items()})
        else:
            write_zipapp(Path(unfinished), files, Path(program.packages[0]).name)
        Path(unfinished).chmod(0o644)
        Path(unfinished).rename(archive)
    finally:
        Path(unfinished).unlink(missing_ok=True)
