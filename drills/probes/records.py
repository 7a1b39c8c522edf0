"""What a drill left behind: the clients' records and the journal, brought to the controller."""

from __future__ import annotations

import json
import time
from typing import Any

from dingli.archive import Bucket
from dingli.archive.fetching import chain_of_journal, fetch
from dingli.cell import observe, remote
from drills.checker.journal import SEGMENTS
from drills.exceptions import StepFailed
from drills.settings import Settings

__all__ = ["clock_offset", "collect", "head_of"]


def collect(configuration: dict[str, Any]) -> dict[str, Any]:
    """Fetches records, probe output and the whole journal."""
    settings = Settings.of(configuration)
    files = remote.fetch(settings.environment, settings.load_host, settings.load_folder, settings.workspace)
    told = max(core.head for core in observe(settings.environment, settings.cell.name).cores.values())
    dump = remote.on_any_main_core(settings.environment, settings.cell.name, "dump", timeout_s=120.0)
    journal = settings.workspace / "journal.jsonl"
    journal.write_text(dump)
    _bring_beginning(settings, dump)
    head = head_of(dump, told)
    return {"folder": str(settings.workspace), "files": [path.name for path in [*files, journal]], "head": head}


def _bring_beginning(settings: Settings, dump: str) -> None:
    """Entries that etcd does not hold any more come from the archive; without one the checker says what is missing."""
    declared = settings.environment.archive
    if declared is None or not dump or json.loads(dump.partition("\n")[0])["n"] == 1:
        return
    bucket = Bucket(declared)
    chain = chain_of_journal(bucket, settings.environment.name, settings.cell.name)
    fetch(bucket, chain, settings.workspace / SEGMENTS)


def head_of(dump: str, told: int) -> int:
    """The number of a dump's last entry; raises StepFailed if it ends before the head that the cores told of.

    What cores tell is up to a second old: a dump that ended there would miss what was acknowledged last.
    """
    lines = dump.splitlines()
    head = int(json.loads(lines[-1])["n"]) if lines else 0
    if head < told:
        raise StepFailed(
            f"the journal's dump ends at {head}", f"at least {told}, where the cores stand", "run it again"
        )
    return head


def clock_offset(configuration: dict[str, Any]) -> dict[str, Any]:
    """How far the load host's clock is ahead of the controller's, and how sure that is (half a round trip)."""
    settings = Settings.of(configuration)
    best: tuple[int, int] | None = None
    for _ in range(3):
        before = time.time_ns()
        there = int(remote.run(settings.environment, settings.load_host, "date +%s%N").stdout)
        after = time.time_ns()
        found = (after - before) // 2, there - (before + after) // 2
        best = min(best, found) if best else found
    assert best is not None
    return {"offset_ns": best[1], "uncertainty_ns": best[0]}
