"""A journal of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.minicore.rig import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal on loopback."""
    made = Journal(tmp_path)
    try:
        yield made
    finally:
        made.close()
