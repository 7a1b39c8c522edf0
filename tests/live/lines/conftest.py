"""An environment with two lines between a site of racks and one of instances."""

from __future__ import annotations

import pytest

from dingli.environment import Environment
from tests.unit.environment.test_lines import on_a_cloud


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return on_a_cloud(tmp_path_factory.mktemp("environment"))
