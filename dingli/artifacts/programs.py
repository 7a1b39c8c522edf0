"""What each program is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dingli.artifacts.exceptions import ArtifactError

__all__ = ["PROGRAMS", "Form", "Program"]

_NOT_SOURCE = {"__pycache__"}


class Form(StrEnum):
    """How a program is packed."""

    LIBRARY = "library"
    """A gzipped tar with `lib/`: our packages and the locked wheels, for PYTHONPATH."""
    ZIPAPP = "zipapp"
    """One file that Python runs by itself; standard library only."""


@dataclass(frozen=True)
class Program:
    """A program: our packages, as paths below the clone, and the lock of what they import from elsewhere."""

    name: str
    form: Form
    packages: tuple[str, ...]
    lock: str | None = None

    def sources(self, root: Path) -> dict[str, Path]:
        """Every file of our packages by its path in the program, sorted."""
        found: dict[str, Path] = {}
        for package in self.packages:
            folder = root / package
            if not folder.is_dir():
                raise ArtifactError(f"{self.name} is made from {folder}, which is not there")
            for path in folder.rglob("*"):
                if path.is_file() and not _NOT_SOURCE & set(path.parts):
                    found[str(path.relative_to(folder.parent))] = path
        return dict(sorted(found.items()))


PROGRAMS = (
    Program("core", Form.LIBRARY, ("app/core/dingli_core", "app/etcd/dingli_etcd"), "app/core/requirements.lock"),
    Program(
        "gateway", Form.LIBRARY, ("app/gateway/dingli_gateway", "app/etcd/dingli_etcd"), "app/gateway/requirements.lock"
    ),
    Program("minicore", Form.ZIPAPP, ("app/minicore/dingli_minicore",)),
    Program("load", Form.LIBRARY, ("loadtests",), "loadtests/requirements.lock"),
)
