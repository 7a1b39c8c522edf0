"""What is in a bundle, in its archive or unpacked: sums of everything, without unpacking anything."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from dingli.bundle.layout import ABOUT, TOP, UNLISTED
from dingli.exceptions import InputError

__all__ = ["Contents", "read"]

_CHUNK = 1024 * 1024
_KEPT = (*UNLISTED, ABOUT)
_END = bytes(2 * tarfile.BLOCKSIZE)
_MOST_KEPT_BYTES = 16 * 1024 * 1024


@dataclass
class Contents:
    """Sums of plain files by path, the text of those that say what the bundle is, and what is odd about the rest."""

    sums: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    odd: list[tuple[str, str]] = field(default_factory=list)
    """(path, what it is): neither file nor folder, twice in the archive, or outside of its folder."""
    broken: str = ""
    """Why the archive could not be read to its end."""


def read(place: Path) -> Contents:
    """Raises InputError where there is no bundle to read."""
    try:
        if place.is_dir():
            return _of(_in_folder(place))
        with place.open("rb"):
            pass
        return _of(_in_archive(place))
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror or error}", "a bundle, or its folder") from None


_Item = tuple[str, IO[bytes] | None, int, str]
"""Path, content, size, and what is odd about it ("" for a plain file)."""


def _of(items: Iterator[_Item]) -> Contents:
    contents = Contents()
    try:
        for name, file, size, odd in items:
            if file is None or odd:
                contents.odd.append((name, odd))
            elif name in contents.sums:
                contents.odd.append((name, "in the archive twice"))
            else:
                _sum(contents, name, file, size)
    except (tarfile.TarError, EOFError) as error:
        contents.broken = str(error) or type(error).__name__
    return contents


def _sum(contents: Contents, name: str, file: IO[bytes], size: int) -> None:
    digest = hashlib.sha256()
    kept = b""
    read = 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        read += len(chunk)
        if name in _KEPT and len(kept) < _MOST_KEPT_BYTES:
            kept += chunk
    if read != size:
        raise EOFError(f"it ends in the middle of {name}")
    contents.sums[name] = digest.hexdigest()
    if name in _KEPT:
        contents.texts[name] = kept


def _require_end(place: Path) -> None:
    """Python's tarfile takes an archive that was cut off between two files for a shorter one."""
    with place.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_END)))
        if size % tarfile.BLOCKSIZE or file.read() != _END:
            raise EOFError("it was cut off")


def _in_archive(place: Path) -> Iterator[_Item]:
    with tarfile.open(place, "r:") as archive:
        for member in archive:
            top, _, name = member.name.partition("/")
            inside = top == TOP and name and not {"", ".", ".."} & set(name.split("/"))
            if not inside and not (member.isdir() and member.name == TOP):
                yield member.name, None, 0, f"outside of {TOP}/"
            elif member.isreg() and not member.issparse():
                yield name, archive.extractfile(member), member.size, ""
            elif not member.isdir():
                yield name, None, 0, "neither file nor folder"
    _require_end(place)


def _in_folder(place: Path) -> Iterator[_Item]:
    for folder, folders, files in os.walk(place):
        for entry in sorted(files + [one for one in folders if (Path(folder) / one).is_symlink()]):
            path = Path(folder) / entry
            name = os.fsencode(path.relative_to(place)).decode(errors="backslashreplace")
            if path.is_symlink() or not path.is_file():
                yield name, None, 0, "neither file nor folder"
                continue
            with path.open("rb") as file:
                yield name, file, path.stat().st_size, ""
