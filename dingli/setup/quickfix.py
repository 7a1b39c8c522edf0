"""QuickFIX, the FIX engine that most members use, as a test client. PyPI has its source only: 4 minutes of C++."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dingli.exceptions import SetupError
from dingli.setup.cache import entry, key_of
from dingli.setup.phases import command


def provide_quickfix(root: Path) -> str:
    """Build its wheel once per machine, and install it into this clone's virtual environment."""
    lock = root / "tests" / "quickfix" / "requirements.lock"
    python = root / ".venv" / "bin" / "python"
    key = key_of(lock, root / "requirements.lock", sys.version)
    folder = entry("wheels", key, lambda unfinished: _build(python, lock, unfinished))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SetupError(f"{len(wheels)} wheels in {folder}", "one", f"remove {folder}")
    if not _installed(python):
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-index",
            "--no-deps",
        ]
        command([*pip, wheels[0]], cwd=root)
    return wheels[0].name


def _build(python: Path, lock: Path, target: Path) -> None:
    print("compiling QuickFIX from source, 4 minutes on two cores, once per machine", flush=True)
    # The environment's own setuptools, which is pinned, does the building.
    pip: list[str | Path] = [python, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-build-isolation"]
    command(["nice", *pip, "--require-hashes", "--no-deps", "-r", lock, "-w", target], cwd=target)


def _installed(python: Path) -> bool:
    return subprocess.run([python, "-c", "import quickfix"], capture_output=True).returncode == 0
