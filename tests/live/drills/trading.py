"""Members that trade on the lab while a test does something to it, and what became of their orders."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from dingli.environment import Environment
from drills.actions.load import end_load, start_load, stop_load
from drills.checker import record
from drills.checker.check import Report, check, replay
from drills.checker.journal import read_dump
from drills.judge import records
from drills.probes.records import collect
from drills.settings import Settings

__all__ = ["Trading"]


class Trading:
    """All members' orders and the probe's, from `begin` on for `load_s` seconds."""

    def __init__(
        self, environment: Environment, name: str, load_s: int, rate: float = 100.0, cell: str = "alpha"
    ) -> None:
        asked = {"environment": environment.name, "cell": cell, "site": "primary", "off_s": 5}
        settings = Settings.of({**asked, "load_s": load_s, "rate": rate})
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        self._configuration: dict[str, Any] = replace(settings, run_id=f"{name}-{stamp}").as_configuration()

    def begin(self) -> None:
        start_load(self._configuration)

    def end(self) -> None:
        """Wait until the members have come to rest."""
        end_load(self._configuration)

    def stop(self) -> None:
        """Whatever happened."""
        stop_load(self._configuration)

    def judged(self) -> Report:
        """What the members were told, against the journal replayed by the checker's reference."""
        settings = Settings.of(self._configuration)
        settings.workspace.mkdir(parents=True, exist_ok=True)
        head = int(collect(self._configuration)["head"])
        journal = replay(settings.cell.name, read_dump(settings.workspace / "journal.jsonl").entries, head)
        return check(record.read(records(settings.workspace)), journal)
