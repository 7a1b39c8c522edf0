"""Slow results shared by all clones: one folder each, named by a hash of everything they are made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/dingli`, or `~/.cache/dingli`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dingli"


def key_of(*inputs: Path | str) -> str:
    """16 hexadecimal digits that change when the content of any file, or any text, does."""
    digest = hashlib.sha256()
    for item in inputs:
        content = item.read_bytes() if isinstance(item, Path) else item.encode()
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:16]


def entry(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder `<cache>/<kind>/<key>`, made by `build(empty folder)` if it is not there.

    `build` works under a temporary name that is renamed at the end: what is interrupted is never used. Two builders
    of the same entry wait for each other, and the second one finds it done.
    """
    folder = cache_root() / kind / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.parent / f".{key}.lock"):
        if folder.is_dir():
            return folder
        for left in folder.parent.glob(f".{key}.*/"):  # of builders that were killed: by the lock, none is at work
            shutil.rmtree(left, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=folder.parent))
        try:
            build(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
