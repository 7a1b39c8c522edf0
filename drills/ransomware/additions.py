"""What the drill itself adds to a bucket is written down as it is added, and taken away again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.exceptions import ClientError

from dingli.archive import Bucket

__all__ = ["ADDED", "Added", "Additions", "read", "remove"]

ADDED = "added.jsonl"
_MOST_WAIT = timedelta(minutes=3)
_CLOCKS_DIFFER_S = 60.0


@dataclass(frozen=True)
class Added:
    """A version, or a mark that hides others. `locked_until`: before that nobody can remove it."""

    key: str
    version: str
    mark: bool = False
    locked_until: str = ""


class Additions:
    """The record, on disk line by line: whoever is killed leaves it behind. May be used from several threads."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a")
        self._lock = threading.Lock()

    def note(self, added: Added) -> None:
        with self._lock:
            self._file.write(json.dumps(asdict(added)) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def read(folder: Path) -> list[Added]:
    """What a run has added; a line that a kill cut off is left out."""
    file, found = folder / ADDED, []
    for line in file.read_text().splitlines() if file.is_file() else []:
        try:
            found.append(Added(**json.loads(line)))
        except ValueError:
            continue
    return found


def remove(bucket: Bucket, additions: Iterable[Added]) -> list[str]:
    """Takes away versions by their own numbers, marks first, once their locks are over. What is left, and why."""
    left = []
    for one in sorted(additions, key=lambda one: not one.mark):
        _wait(one)
        deadline = time.monotonic() + (_CLOCKS_DIFFER_S if one.locked_until else 0)
        while (refusal := _refusal(bucket, one)) and time.monotonic() < deadline:
            time.sleep(1)
        if refusal:
            left.append(f"{one.key}: version {one.version}: {refusal}")
    return left


def _refusal(bucket: Bucket, one: Added) -> str:
    with bucket.as_our_errors():
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=one.key, VersionId=one.version)
        except ClientError as error:
            return str(error.response.get("Error", {}).get("Code", "refused"))
    return ""


def _wait(one: Added) -> None:
    """The attacker's own locks are short."""
    if one.locked_until:
        rest = datetime.fromisoformat(one.locked_until) - datetime.now(UTC)
        if timedelta() < rest < _MOST_WAIT:
            time.sleep(rest.total_seconds())
