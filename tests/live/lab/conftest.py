"""One box with a lab that is up, for all tests here; each leaves the lab as a later `up` can use it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.lab.box import Box


@pytest.fixture(scope="module")
def bare_box() -> Iterator[Box]:
    box = Box(Path(tempfile.mkdtemp(prefix="dingli-box-")))
    yield box
    box.close()


@pytest.fixture
def box(bare_box: Box) -> Box:
    """With its lab up."""
    bare_box.up()
    return bare_box
