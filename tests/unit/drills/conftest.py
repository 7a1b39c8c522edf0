"""The trial environment, in a root of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone's root, as far as an environment's file and state go."""
    folder = tmp_path / "root"
    (folder / "stacks" / "environments").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("trial.yaml"), folder / "stacks" / "environments")
    monkeypatch.setenv("DINGLI_ROOT", str(folder))
    return folder
