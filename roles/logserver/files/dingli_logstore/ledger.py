"""What happened to days that are over: closed with a sum, or removed and why. Each line has the sum of the one before.

    {"n": 7, "at": "2026-11-21T00:10:03Z", "event": "closed", "day": "2026-11-20", "host": "dr-1", "sha256": "…",
     "bytes": 20480, "lines": 1200, "first_us": …, "last_us": …, "before": "<sha256 of line 6>"}

`event` is `closed`, `expired` (older than the days to keep) or `removed` (younger, because the disk was full: `why`).
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["append", "read"]

_START = "0" * 64


def read(path: Path) -> list[dict[str, Any]]:
    """All lines, in order; none if there is no ledger yet. Raises ValueError for what is no JSON."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def append(path: Path, event: str, **facts: Any) -> None:
    """Add a line, on disk before this returns. `keep` alone writes, one run at a time."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    before = hashlib.sha256(lines[-1]).hexdigest() if lines else _START
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = json.dumps({"n": len(lines) + 1, "at": at, "event": event, **facts, "before": before}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
