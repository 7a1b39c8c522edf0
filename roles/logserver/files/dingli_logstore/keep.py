"""Closes days that are over, removes those that are old enough, guards the disk, and tells which hosts are silent.

Every removal is in the ledger. A day that is younger than the days to keep goes only when the disk would fill up, and
that is an alarm: the alternative is to lose what hosts are sending now.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dingli_logstore import entry, ledger
from dingli_logstore.attributes import set_grows_only
from dingli_logstore.store import DayFile, Store, day_of

__all__ = ["Keeper", "free_percent"]

_GRACE_S = 600  # a line that arrived just before midnight may still be on its way to its file
_SILENT_AFTER_S = 1800  # an idle host's timers log more often than that


def free_percent(root: Path) -> float:
    """How much of the disk is free for programs."""
    usage = shutil.disk_usage(root)
    return 100 * usage.free / usage.total


@dataclass(frozen=True)
class Keeper:
    """`alarm` gets what a person has to see, `free` says how much of the disk is free, in percent."""

    store: Store
    keep_days: int
    least_free_percent: float
    alarm: Callable[[str], None]
    free: Callable[[], float]

    def run(self, now_s: float, hosts: list[str]) -> None:
        """Everything, as of `now_s` (seconds since 1970)."""
        self.close(now_s)
        self.expire(now_s)
        self.guard()
        self.protect()
        self.listen_for_silence(now_s, hosts)

    def close(self, now_s: float) -> None:
        """Compress every day that is over, note its sum, and remove the plain file."""
        over = day_of(now_s - _GRACE_S)
        noted = {(line["host"], line["day"]) for line in ledger.read(self.store.ledger) if line["event"] == "closed"}
        for file in self._all():
            if (file.host, file.day) not in noted and (file.closed or file.day < over):
                noted.add((file.host, file.day))
                self._close(file)
            if not file.closed and file.day < over:
                self._remove(file.path)

    def expire(self, now_s: float) -> None:
        """Remove what is older than the days to keep."""
        oldest = (datetime.fromtimestamp(now_s, UTC) - timedelta(days=self.keep_days)).strftime("%Y-%m-%d")
        for file in self._all():
            if file.closed and file.day < oldest:
                ledger.append(self.store.ledger, "expired", day=file.day, host=file.host)
                self._remove(file.path)

    def guard(self) -> None:
        """While the disk is too full, remove closed days, oldest first, and say so."""
        for file in sorted(file for file in self._all() if file.closed):
            free = self.free()
            if free >= self.least_free_percent:
                return
            why = f"{free:.1f} % of the disk free, the limit is {self.least_free_percent:g} %"
            self.alarm(f"{why}: {file.day} of {file.host} is removed before its {self.keep_days} days are over")
            ledger.append(self.store.ledger, "removed", day=file.day, host=file.host, why=why)
            self._remove(file.path)
        if self.free() < self.least_free_percent:
            self.alarm(
                f"less than {self.least_free_percent:g} % of the disk is free, and nothing is left to be removed"
            )

    def protect(self) -> None:
        """Let files only grow, where the file system can do that."""
        for path in [self.store.ledger, *(file.path for file in self._all())]:
            if path.exists():
                set_grows_only(path, True)

    def listen_for_silence(self, now_s: float, hosts: list[str]) -> None:
        """An alarm for each host of which nothing has arrived for a while."""
        for host in hosts:
            files = self.store.files(host)
            last = max((file.path.stat().st_mtime for file in files), default=None)
            if last is None:
                self.alarm(f"{host} has sent nothing yet")
            elif now_s - last > _SILENT_AFTER_S:
                self.alarm(f"{host} has sent nothing for {(now_s - last) / 60:.0f} minutes")

    def _all(self) -> list[DayFile]:
        return [file for host in self.store.hosts() for file in self.store.files(host)]

    def _close(self, file: DayFile) -> None:
        """After an interruption at any point this can be done again from the start."""
        compressed = file.path.with_suffix(".jsonl.gz") if not file.closed else file.path
        lines, times = 0, list[int]()
        unfinished = compressed.with_name(f".{compressed.name}.unfinished")
        with unfinished.open("wb") as raw:
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                for line in file.lines():
                    packed.write(line)
                    lines += 1
                    record = entry.stored(line)
                    times += [record["time_us"]] if record else []
                    times = [min(times), max(times)] if times else []
            raw.flush()
            os.fsync(raw.fileno())
        if file.closed:  # it was made by a run that ended before it could note this
            unfinished.unlink()
        else:
            shutil.copystat(file.path, unfinished)
            unfinished.rename(compressed)
        content = compressed.read_bytes()
        first, last = (times[0], times[-1]) if times else (None, None)
        ledger.append(
            self.store.ledger, "closed", day=file.day, host=file.host, sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content), lines=lines, first_us=first, last_us=last,
        )  # fmt: skip

    def _remove(self, path: Path) -> None:
        set_grows_only(path, False)
        path.unlink()
