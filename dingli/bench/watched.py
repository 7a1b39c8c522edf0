"""A command with everything that it starts: how long it took, how much processor and memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dingli.bench.commands import BenchFailed

__all__ = ["Run", "processor_s", "watched"]

_SAMPLED_EVERY_S = 0.1
_SAMPLES_PER_SHARE = 10  # the kernel walks every page for it
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Run:
    """One command; what was seen of it ten times a second."""

    output: str
    wall_s: float
    cpu_s: float
    peak_mib: float
    """The highest sum of the resident memory of all its processes; what they share counts in each."""
    peak_shared_mib: float
    """The same, seen once a second, with what processes share counted once (proportional set size)."""


@dataclass
class _Watch(threading.Thread):
    """Looks at a process and all below it until told to stop."""

    root: int
    cpu: dict[int, float] = field(default_factory=dict)
    peak: int = 0
    peak_shared: int = 0
    samples: int = 0

    def __post_init__(self) -> None:
        super().__init__(name="watch", daemon=True)
        self.ended = threading.Event()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.ended.wait(_SAMPLED_EVERY_S):
            self.look()

    def look(self) -> None:
        """One sample."""
        seen = _processes()
        family, waiting = set[int](), [self.root]
        while waiting:
            parent = waiting.pop()
            family.add(parent)
            waiting += [process for process, (above, _, _) in seen.items() if above == parent and process not in family]
        self.cpu |= {process: seen[process][1] for process in family & set(seen)}
        self.peak = max(self.peak, sum(seen[process][2] for process in family & set(seen)))
        if self.samples % _SAMPLES_PER_SHARE == 0:
            self.peak_shared = max(self.peak_shared, sum(map(_proportional, family)))
        self.samples += 1


def watched(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run to the end in `folder`. Raises BenchFailed if it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True
    )
    watch = _Watch(process.pid)
    watch.start()
    output, errors = process.communicate()
    wall = time.monotonic() - began
    watch.ended.set()
    watch.join()
    if process.returncode != 0:
        said = (errors.strip() or output.strip())[-600:]
        raise BenchFailed(f"{' '.join(command)} ended with {process.returncode}: {said}", "0", f"see {folder}")
    return Run(output, wall, sum(watch.cpu.values()), watch.peak / _MIB, watch.peak_shared / _MIB)


def processor_s(process: int) -> float:
    """Processor seconds of a process that runs."""
    return _processes()[process][1]


def _proportional(process: int) -> int:
    """Bytes of a process, with its share of the pages that it shares; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _processes() -> dict[int, tuple[int, float, int]]:
    """Of every process its parent, its processor seconds and its resident bytes."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        values = text.rpartition(")")[2].split()  # the name before it may contain anything
        seconds = (int(values[11]) + int(values[12])) / _TICKS
        found[int(entry.name)] = int(values[1]), seconds, int(values[21]) * _PAGE
    return found
