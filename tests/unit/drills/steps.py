"""Activities for small experiments: each leaves a line in a file, so that a test sees what was touched."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

__all__ = ["configured", "give", "interrupt", "leave_past", "names", "touch"]


def give(output: Any = None, error: str = "") -> Any:
    """The output that the test wants a step to have, or its failure."""
    if error:
        raise OSError(error)
    return output


def configured(configuration: dict[str, Any]) -> dict[str, Any]:
    """What a step is told."""
    return configuration


def leave_past(folder: str, configuration: dict[str, Any]) -> None:
    """Leaves the files of a drill that went well where this run's are expected."""
    from tests.unit.drills.past import Past

    Past().leave(Path(folder) / configuration["run_id"])


def names(folder: str) -> list[str]:
    """Of all files below a folder, at the time of this step."""
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def touch(file: str, line: str, error: str = "") -> None:
    """Changes the world."""
    with Path(file).open("a") as world:
        world.write(line + "\n")
    if error:
        raise OSError(error)


def interrupt(file: str, line: str, number: str = "SIGINT", times: int = 1) -> None:
    """Somebody presses Ctrl-C (or sends another signal) during this step, which waits for it in vain."""
    touch(file, line)
    for _ in range(times):
        os.kill(os.getpid(), getattr(signal, number))
