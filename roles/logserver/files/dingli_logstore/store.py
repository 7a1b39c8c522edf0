"""Where lines are: `<root>/<host>/<day>.jsonl`, and `<day>.jsonl.gz` once the day is over.

The day is the one on which a line *arrived* (UTC). So a day that is over never changes, whatever a host says about the
time; a line that was held up stands in a later file, with its own time in it.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from dingli_logstore import entry

__all__ = ["DayFile", "Store", "day_of"]

_HOST = re.compile(r"[a-z][a-z0-9-]{0,30}")
_FILE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl(\.gz)?")
_BLOCK_BYTES = 1 << 20


def day_of(time_s: float) -> str:
    """`2026-11-21`, in UTC."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")


@dataclass(frozen=True, order=True)
class DayFile:
    """What arrived from a host on a day."""

    day: str
    host: str
    closed: bool
    path: Path

    def lines(self) -> Iterator[bytes]:
        """Every line, whole or not; none if the day was removed meanwhile."""
        with contextlib.suppress(FileNotFoundError), self._open() as file:
            yield from file

    def _open(self) -> IO[bytes]:
        """A plain file may be compressed between being listed and being read."""
        with contextlib.suppress(FileNotFoundError):
            if not self.closed:
                return self.path.open("rb")
        return cast("IO[bytes]", gzip.open(self.path if self.closed else self.path.with_suffix(".jsonl.gz"), "rb"))


@dataclass(frozen=True)
class Store:
    """All hosts' files below one folder."""

    root: Path

    @property
    def ledger(self) -> Path:
        """What was closed and what was removed."""
        return self.root / "ledger.jsonl"

    def hosts(self) -> list[str]:
        """Hosts of which anything is here."""
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and _HOST.fullmatch(path.name))

    def files(self, host: str) -> list[DayFile]:
        """A host's files by day. Of a day that is being compressed, the compressed one comes first."""
        folder = self.root / host
        names = [(path, _FILE.fullmatch(path.name)) for path in folder.iterdir()] if folder.is_dir() else []
        found = [DayFile(match[1], host, match[2] is not None, path) for path, match in names if match]
        return sorted(found, key=lambda file: (file.day, not file.closed))

    def readable(self, host: str) -> list[DayFile]:
        """As `files`, with each day once: the plain file while there is one."""
        return list({file.day: file for file in self.files(host)}.values())

    def append(self, host: str, day: str, lines: bytes) -> None:
        """Add whole lines. Raises OSError; part of them may be there then, and the last of them cut short."""
        folder = self.root / host
        folder.mkdir(mode=0o750, exist_ok=True)
        descriptor = os.open(folder / f"{day}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # a line that was cut short stays alone in its misfortune
            while lines:
                lines = lines[os.write(descriptor, lines) :]
        finally:
            os.close(descriptor)

    def last_cursor(self, host: str) -> str | None:
        """The cursor of the last whole line of a host: what it has to send is behind that."""
        for file in reversed(self.readable(host)):
            lines = reversed(list(file.lines())) if file.closed else _backwards(file.path)
            last = next((record["cursor"] for record in map(entry.stored, lines) if record), None)
            if last is not None:
                return str(last)
        return None


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, last first."""
    with path.open("rb") as file:
        position, rest = file.seek(0, os.SEEK_END), b""
        while position:
            start = max(0, position - _BLOCK_BYTES)
            file.seek(start)
            rest, *lines = (file.read(position - start) + rest).split(b"\n")
            yield from reversed(lines)
            position = start
        yield rest
