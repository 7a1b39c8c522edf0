"""Where the engine keeps its state: a folder of this clone, or a bucket that several controllers share."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from dingli.exceptions import SetupError

__all__ = ["META", "Backend", "FileBackend", "backend_at", "checkpoint_key"]

META = ".pulumi/meta.yaml"
"""Says which layout the rest has; a backend without it is taken for an older one."""


class Backend(Protocol):
    """The engine's own files, by key (`.pulumi/stacks/dingli/lab-dr.json`)."""

    @property
    def url(self) -> str:
        """As the engine is told it."""

    def require(self) -> None:
        """Raises DingliError, with what to do, if it cannot be used."""

    def read(self, key: str) -> bytes | None:
        """What stands at `key`, or None."""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""

    def remove(self, key: str) -> None:
        """Take `key` away; nothing happens if it is not there."""

    def place(self, key: str) -> str:
        """Where a person finds `key`."""


class FileBackend:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def url(self) -> str:
        return f"file://{self._folder}"

    def require(self) -> None:
        """The engine itself makes what is missing in a folder."""

    def read(self, key: str) -> bytes | None:
        path = self._folder / key
        return path.read_bytes() if path.is_file() else None

    def keys(self, prefix: str) -> list[str]:
        below = (self._folder / prefix).parent
        found = (path.relative_to(self._folder).as_posix() for path in below.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    def remove(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)

    def place(self, key: str) -> str:
        return str(self._folder / key)


def backend_at(url: str) -> Backend:
    """The backend that the engine means by `url`."""
    if url.startswith("file://"):
        return FileBackend(Path(url.removeprefix("file://")).expanduser())
    if url.startswith("s3://"):
        from dingli.stacks.s3 import S3Backend  # boto3 takes long to load; most environments do not need it

        return S3Backend(url)
    raise SetupError(
        f"the backend {url!r}", "file:// with an absolute path, or s3://bucket", "correct or unset PULUMI_BACKEND_URL"
    )


def checkpoint_key(stack: str) -> str:
    """Where the state of a stack is."""
    return f".pulumi/stacks/dingli/{stack}.json"
