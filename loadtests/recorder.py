"""Writes down what a client does, before it does it (read by `drills.checker.record`)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Recorder:
    """One file of JSON lines; `close` writes the footer without which the checker believes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("x", encoding="utf-8", buffering=1) if path else None
        self._counts = {"send": 0, "recv": 0}
        self._sessions: set[str] = set()

    def note(self, event: str, session: str, **data: Any) -> int:
        """Appends one line and returns its time (monotonic, nanoseconds)."""
        at = time.monotonic_ns()
        if event in self._counts:
            self._counts[event] += 1
        self._sessions.add(session)
        if self._file:
            self._file.write(json.dumps({"e": event, "t": at, "s": session, **data}) + "\n")
        return at

    def close(self) -> None:
        """Ends the record."""
        if self._file:
            footer = {"sends": self._counts["send"], "recvs": self._counts["recv"], "sessions": sorted(self._sessions)}
            self._file.write(json.dumps({"e": "footer", "t": time.monotonic_ns(), **footer}) + "\n")
            self._file.close()
            self._file = None
