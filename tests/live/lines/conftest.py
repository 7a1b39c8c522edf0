"""An environment with two lines between two of its sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from dingli.environment import Environment, load

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    base = ROOT / "tests" / "unit" / "environment" / "base.yaml"
    file = tmp_path_factory.mktemp("environment") / "base.yaml"
    ends = "{gateways: [a, c], first: [192.0.2.1, 192.0.2.2], second: [192.0.2.5, 192.0.2.6]}"
    file.write_text(f"{base.read_text()}lines:\n  - {ends}\n")
    return load(file)
