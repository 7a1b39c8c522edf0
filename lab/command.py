"""Running other programs, always with a time limit."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from lab.exceptions import LabError


def run(argv: Sequence[str], *, timeout_s: float = 30, stdin: bytes | None = None) -> str:
    """Standard output of a program that must succeed. LabError names the program, its status and its last words."""
    done = attempt(argv, timeout_s=timeout_s, stdin=stdin)
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    raise LabError(
        found=f"{_short(argv)} ended with status {done.returncode}: {'; '.join(said[-3:]) or 'without a word'}",
        remedy="run `dingli lab status`; `dingli lab down` and `dingli lab up` rebuild a damaged lab",
    )


def attempt(
    argv: Sequence[str], *, timeout_s: float = 30, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """The same for a program that may fail."""
    try:
        return subprocess.run(list(argv), input=stdin or b"", capture_output=True, timeout=timeout_s, check=False)
    except FileNotFoundError as error:
        raise LabError(
            f"there is no program {argv[0]}", "the Debian packages of the lab", "run `make setup`"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{_short(argv)} did not end within {timeout_s:g} s", remedy="run it again by hand") from error


def _short(argv: Sequence[str]) -> str:
    text = shlex.join(argv)
    return text if len(text) < 160 else f"{text[:157]}..."
