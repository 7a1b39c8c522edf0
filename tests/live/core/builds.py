"""Copies of the core in which some lines read differently."""

import shutil
from pathlib import Path

from tests.live.core.harness import REPOSITORY

__all__ = ["altered_build", "patient_build"]


def altered_build(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of the core; each change states a module, what is found there, and what stands there instead."""
    shutil.copytree(REPOSITORY / "app" / "core" / "dingli_core", folder / "dingli_core")
    for module, found, instead in changes:
        path = folder / "dingli_core" / module
        source = path.read_text()
        assert found in source
        path.write_text(source.replace(found, instead))
    return folder


def patient_build(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """One that gives others more time: a loaded machine may stop a core for longer than half a second, or than two."""
    patience = (
        ("campaign.py", "HANDOVER_LIMIT_S = 0.5", "HANDOVER_LIMIT_S = 30.0"),
        ("judgement.py", "WAIT_S = 2.0", "WAIT_S = 30.0"),
    )
    return altered_build(folder, *patience, *changes)
