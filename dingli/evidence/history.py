"""Who ran what, when, for how long and with what result: read from the folders that runs left behind.

What cannot be read is an entry of its own. Whether a folder is what was left behind is for `verification` to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dingli.evidence import manifest
from dingli.evidence.manifest import Result
from dingli.evidence.store import RunFolder, Store

__all__ = ["BROKEN", "OPEN", "RUNNING", "Entry", "entries"]

RUNNING = "running"
OPEN = "open"
"""It was killed; the next run closes it as interrupted."""
BROKEN = "broken"
_WELL = (Result.PASSED.value, RUNNING)


@dataclass(frozen=True)
class Entry:
    """One run. None where it could not be read; `trouble` says why."""

    number: int | None
    kind: str
    folder: Path
    result: str
    title: str = ""
    who: str | None = None
    started: datetime | None = None
    seconds: float | None = None
    trouble: str = ""

    @property
    def well(self) -> bool:
        """True for a run that passed or still runs: unknown, interrupted and broken are not well."""
        return self.result in _WELL

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        started = self.started.isoformat() if self.started else None
        return {**vars(self), "folder": str(self.folder), "started": started}


def entries(store: Store) -> list[Entry]:
    """All runs, oldest first, then whatever else stands among them."""
    folders = store.folders()
    running = store.run_under_way()
    found = [_entry(folder, running and folder is folders[-1]) for folder in folders]
    return [*found, *_strangers(store)]


def _entry(folder: RunFolder, running: bool) -> Entry:
    if not folder.closed:
        return _unclosed(folder, running)
    try:
        said = manifest.read(folder)
        started, ended = datetime.fromisoformat(said.started), datetime.fromisoformat(said.ended)
        seconds = (ended - started).total_seconds()
    except (ValueError, TypeError, OSError) as error:
        return _broken(folder, f"the manifest cannot be read: {_first_line(error)}")
    if (said.number, said.kind) != (folder.number, folder.kind):
        return _broken(folder, f"the manifest is of run {said.number}, {said.kind}")
    return Entry(
        folder.number, folder.kind, folder.path, said.result.value, said.title, said.who, started, round(seconds, 3)
    )


def _unclosed(folder: RunFolder, running: bool) -> Entry:
    """A run without a signed manifest: its record's first line says who began it."""
    try:
        with (folder.path / "record.jsonl").open(encoding="utf-8") as record:
            first = json.loads(record.readline())
        title, who = str(first["title"]), str(first["who"])
        started = datetime.fromisoformat(first["at"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        return _broken(folder, f"neither a manifest nor a record that can be read: {_first_line(error)}")
    if running:
        seconds = round((datetime.now(UTC) - started).total_seconds(), 3)
        return Entry(folder.number, folder.kind, folder.path, RUNNING, title, who, started, seconds)
    trouble = "it was not closed; the next run closes it as interrupted"
    return Entry(folder.number, folder.kind, folder.path, OPEN, title, who, started, trouble=trouble)


def _broken(folder: RunFolder, trouble: str) -> Entry:
    try:
        started = datetime.strptime(folder.started, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        started = None
    return Entry(folder.number, folder.kind, folder.path, BROKEN, started=started, trouble=trouble)


def _strangers(store: Store) -> Iterator[Entry]:
    for path in store.strangers():
        yield Entry(None, "", path, BROKEN, trouble="it is not named like a run")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
