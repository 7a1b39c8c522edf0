"""The locked wheels of a program, fetched once for all clones and laid out as they would be installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dingli.artifacts.exceptions import ArtifactError
from dingli.setup.cache import entry, key_of

__all__ = ["TARGET", "Target", "wheel_files", "wheel_folder"]


@dataclass(frozen=True)
class Target:
    """The Python and the machine that a program runs on: those of the hosts, not of the controller."""

    python: str
    platforms: tuple[str, ...]
    abis: tuple[str, ...]

    @property
    def options(self) -> list[str]:
        """pip's words for it."""
        options = ["--implementation", "cp", "--python-version", self.python]
        for platform in self.platforms:
            options += ["--platform", platform]
        for abi in self.abis:
            options += ["--abi", abi]
        return options


# Debian 13: Python 3.13 and glibc 2.41.
TARGET = Target(
    "3.13",
    ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    ("cp313", "abi3", "none"),
)


def wheel_files(lock: Path) -> dict[str, bytes]:
    """The files of all wheels of `lock`, by their path on PYTHONPATH."""
    files: dict[str, bytes] = {}
    for wheel in sorted(wheel_folder(lock).glob("*.whl")):
        files |= dict(_laid_out(wheel))
    return files


def wheel_folder(lock: Path, target: Target = TARGET) -> Path:
    """A folder of the user's cache with a wheel for every line of `lock`."""
    return entry("wheels", key_of(lock, repr(target)), lambda unfinished: _fetch(lock, target, unfinished))


def _fetch(lock: Path, target: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [
        "--only-binary",
        ":all:",
        "--require-hashes",
        *target.options,
        "--requirement",
        str(lock),
        "--dest",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArtifactError(
            f"the wheels of {lock} cannot be fetched:\n{done.stderr.strip()[-1500:]}",
            expected=f"a binary wheel for Python {target.python} on {target.platforms[0]} and later for every line",
        )


def _laid_out(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """A wheel's files; `<name>.data/purelib|platlib/` is laid over the rest, scripts and headers are left out."""
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            first, _, rest = name.partition("/")
            if name.endswith("/") or name.endswith(".pyi"):
                continue
            if first.endswith(".data"):
                scheme, _, below = rest.partition("/")
                if scheme in {"purelib", "platlib"}:
                    yield below, packed.read(name)
            else:
                yield name, packed.read(name)
