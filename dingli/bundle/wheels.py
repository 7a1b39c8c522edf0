"""The controller's Python packages, for every processor that a controller may have."""

from __future__ import annotations

from pathlib import Path

from dingli.artifacts.wheels import Target, wheel_folder
from dingli.setup.virtualenv import LOCKS

__all__ = ["controller_wheels"]

_OLDEST_GLIBC, _GLIBC = 17, 36  # 2.36 is Debian 12's; wheels say which they were built for


def controller_wheels(root: Path, arch: str) -> list[Path]:
    """A wheel for every line of the locks that a controller's environment is made of."""
    return [wheel for lock in LOCKS for wheel in sorted(wheel_folder(root / lock, _target(arch)).glob("*.whl"))]


def _target(arch: str) -> Target:
    newest_first = range(_GLIBC, _OLDEST_GLIBC - 1, -1)
    platforms = [f"manylinux_2_{minor}_{arch}" for minor in newest_first]
    return Target("3.11", (*platforms, f"manylinux2014_{arch}", f"linux_{arch}"), ("cp311", "abi3", "none"))
