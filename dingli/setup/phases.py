"""Phases of `make`: one after the other, each with its time; one that fails says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dingli.exceptions import DingliError, SetupError


@dataclass(frozen=True)
class Phase:
    """`run` does it and returns one line about what it did; `remedy` is what to do if it fails."""

    name: str
    run: Callable[[], str]
    remedy: str


def run_phases(phases: Sequence[Phase], *, all_of_them: bool = False) -> None:
    """Run phases in order and print the time since the start, and of each.

    Stops at the first that fails, or with `all_of_them` runs the rest too and then fails with all their names.
    """
    start = time.monotonic()
    failed: list[str] = []
    for number, phase in enumerate(phases, 1):
        begun = time.monotonic()
        _say(start, f"{number}/{len(phases)} {phase.name} …")
        try:
            done = phase.run()
        except DingliError as error:
            _say(start, f"{number}/{len(phases)} {phase.name} FAILED after {_seconds(begun)}")
            if not all_of_them:
                raise _with_remedy(error, phase) from error
            print(error, flush=True)
            failed.append(phase.name)
        else:
            _say(start, f"{number}/{len(phases)} {phase.name}: {done} ({_seconds(begun)})")
    if failed:
        raise SetupError(f"failed: {', '.join(failed)}", remedy="read the output above, from its top")


def command(arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a program with its output on the screen; SetupError if it is missing or fails."""
    shown = " ".join(str(argument) for argument in arguments)
    sys.stdout.flush()
    try:
        status = subprocess.run(arguments, cwd=cwd, env=None if env is None else {**os.environ, **env}).returncode
    except FileNotFoundError as error:
        raise SetupError(f"{arguments[0]} is not installed (wanted for: {shown})") from error
    if status != 0:
        raise SetupError(f"`{shown}` ended with status {status}")


def _with_remedy(error: DingliError, phase: Phase) -> DingliError:
    remedy = error.remedy or phase.remedy
    return SetupError(
        f"{phase.name}: {error.found}", error.expected, f"{remedy}; then run the same again, it carries on"
    )


def _say(start: float, text: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    print(f"[{minutes:2d}:{seconds:02d}] {text}", flush=True)


def _seconds(begun: float) -> str:
    return f"{time.monotonic() - begun:.1f} s"
