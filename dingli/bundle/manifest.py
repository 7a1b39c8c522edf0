"""Sums of all files of a bundle, in the words of `sha256sum`: whoever has coreutils can check them without us."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from dingli.bundle.exceptions import BundleError
from dingli.bundle.layout import UNLISTED

__all__ = ["parse", "sums_of", "text_of"]

# What `sha256sum` would have to escape, or a shell might stumble over, is not in any name.
_NAME = re.compile(r"(?!/)(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._+~@=,/-]+")
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({_NAME.pattern})")


def sums_of(folder: Path) -> dict[str, str]:
    """`{path: SHA-256}` of all files below `folder` that a manifest lists. Raises BundleError for other things."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise BundleError(f"{name} is neither a file nor a folder", "plain files only")
        if path.is_dir() or name in UNLISTED:
            continue
        if not _NAME.fullmatch(name):
            raise BundleError(f"a file called {name!r}", "letters, digits and ._+~@=,-")
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def text_of(sums: Mapping[str, str]) -> bytes:
    """The manifest, sorted by path."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode("ascii")


def parse(text: bytes) -> dict[str, str]:
    """The sums by path. Raises ValueError for anything that `text_of` did not write."""
    sums: dict[str, str] = {}
    for number, line in enumerate(text.decode("ascii").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in sums:
            raise ValueError(f"line {number} is no sum of a file, or of one that was listed before")
        sums[match[2]] = match[1]
    if text_of(sums) != text:
        raise ValueError("lines that are not in order")
    return sums
