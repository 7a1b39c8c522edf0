"""Where environment files and what Dingli keeps of an environment are on the controller."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["environment_file", "project_root", "state_dir"]


def project_root() -> Path:
    """The clone that this package belongs to; `DINGLI_ROOT` names another one."""
    chosen = os.environ.get("DINGLI_ROOT")
    return Path(chosen).absolute() if chosen else Path(__file__).resolve().parents[2]


def environment_file(name: str) -> Path:
    """`stacks/environments/<name>.yaml`."""
    return project_root() / "stacks" / "environments" / f"{name}.yaml"


def state_dir(name: str) -> Path:
    """`.dingli/<environment>/`: evidence, keys, known_hosts. It may not exist yet."""
    return project_root() / ".dingli" / name
