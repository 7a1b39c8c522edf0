"""The clone's virtual environment, exactly as requirements.lock and the policies' lock say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dingli.exceptions import SetupError
from dingli.setup.cache import key_of
from dingli.setup.phases import command

_WANTED = (3, 11)
_LOCK, _POLICIES_LOCK = Path("requirements.lock"), Path("infra", "policies", "requirements.lock")
LOCKS = (_LOCK, _POLICIES_LOCK)
"""Everything that a controller's environment is made of: a bundle has to have it."""


def make_virtualenv(root: Path) -> str:
    """Make or complete `.venv`; a stamp tells what it was completed from."""
    if sys.version_info[:2] != _WANTED:
        raise SetupError(f"Python {sys.version.split()[0]}", "Python 3.11", "install Python 3.11 and set PYTHON to it")
    folder = root / ".venv"
    stamp = folder / ".made-from"
    key = key_of(*(root / lock for lock in LOCKS), root / "pyproject.toml", sys.version, str(root))
    python = folder / "bin" / "python"
    if _works(python):
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
            return "as locked already"
    else:
        shutil.rmtree(folder, ignore_errors=True)
        command([sys.executable, "-m", "venv", folder], cwd=root)
    # No stamp while it is half-made.
    stamp.unlink(missing_ok=True)
    pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    locked: list[str | Path] = [*pip, "--require-hashes", "--only-binary", ":all:"]
    command([*locked, "-r", _LOCK], cwd=root)
    command([*locked, "--no-deps", "-r", _POLICIES_LOCK], cwd=root)
    command(
        [*pip, "--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat", "-e", "."], cwd=root
    )
    stamp.write_text(key, encoding="utf-8")
    return "made as locked"


def _works(python: Path) -> bool:
    """Whether this is a Python of the wanted version that starts: a moved clone or a new system Python breaks it."""
    if not python.exists():
        return False
    asked = "import pip, sys; print(sys.version, sys.prefix)"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True)
    return answer.returncode == 0 and answer.stdout.strip() == f"{sys.version} {python.parent.parent}"
