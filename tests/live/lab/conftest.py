"""One box with a lab that is up, for all tests here; each leaves the lab as a later `up` can use it.

It has no emulated host, which would take half a minute each time it boots.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.lab.box import ROOT, Box


@pytest.fixture(scope="module")
def bare_box() -> Iterator[Box]:
    folder = Path(tempfile.mkdtemp(prefix="dingli-box-"))
    own = shutil.copytree(ROOT / "stacks" / "environments", folder / "clone" / "stacks" / "environments") / "lab.yaml"
    own.write_text("\n".join(line for line in own.read_text().splitlines() if "standby-2" not in line))
    box = Box(folder, folder / "clone")
    yield box
    box.close()


@pytest.fixture
def box(bare_box: Box) -> Box:
    """With its lab up."""
    bare_box.up()
    return bare_box
