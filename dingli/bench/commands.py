"""Whole commands, as a user types them, and how long they take."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dingli.environment import project_root
from dingli.exceptions import DingliError

__all__ = ["BenchFailed", "dingli", "forget_lab", "timed"]

_LONGEST_S = 1800


class BenchFailed(DingliError):
    """A measured command failed."""


def _run(words: tuple[str, ...], allowed: tuple[int, ...] = (0,)) -> tuple[float, str]:
    began = time.monotonic()
    command = [str(Path(sys.executable).parent / "dingli"), *words]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchFailed(f"dingli {' '.join(words)} took more than {_LONGEST_S} s", "its end") from error
    if done.returncode not in allowed:
        raise BenchFailed(
            f"dingli {' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}",
            f"one of {allowed}",
            "run it by hand",
        )
    return time.monotonic() - began, done.stdout


def forget_lab() -> None:
    """`make down`: the lab, and what the state says about its machines."""
    command = [sys.executable, "-m", "dingli.setup", "down"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=project_root())
    if done.returncode != 0:
        raise BenchFailed(
            f"make down ended with {done.returncode}: {done.stderr.strip()[-600:]}", "0", "run it by hand"
        )


def timed(*words: str) -> float:
    """Seconds that `dingli WORDS` takes; raises BenchFailed when it fails."""
    return _run(words)[0]


def dingli(*words: str, allowed: tuple[int, ...]) -> dict[str, Any]:
    """The JSON object with which the output of `dingli WORDS` ends."""
    _, output = _run(words, allowed)
    start = output.find("\n{\n") + 1 if not output.startswith("{") else 0
    data: dict[str, Any] = json.loads(output[start:])
    return data
