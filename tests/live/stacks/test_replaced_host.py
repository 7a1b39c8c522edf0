"""A machine is gone and another one stands in its place: named, refused, and with one line in the file in service."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import containers
from lab.places import IDENTITIES

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
FILE = ROOT / "stacks" / "environments" / "lab.yaml"
HOST = "primary-2"
DECLARED = "address: 198.18.1.12, arch: x86_64, os: debian-13, power: lab"


def dingli(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        ["dingli", *words, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


@pytest.fixture
def whole() -> Iterator[str]:
    before = FILE.read_text()
    assert DECLARED in before
    yield before
    FILE.write_text(before)


def test_a_replaced_host_is_refused_and_once_accepted_in_service(
    whole: str, capsys: pytest.CaptureFixture[str]
) -> None:
    containers.remove(HOST)
    for file in (IDENTITIES / HOST).iterdir():
        file.unlink()
    subprocess.run(["dingli", "lab", "up"], cwd=ROOT, capture_output=True, timeout=300, check=True)

    refused = json.dumps(dingli("up", "lab"))
    assert f"{HOST}: another machine answers at 198.18.1.12" in refused
    key = refused.split("accept_replacement: ")[1].split("`")[0]

    FILE.write_text(whole.replace(DECLARED, f'{DECLARED}, accept_replacement: "{key}"', 1))
    began = time.monotonic()
    accepted = dingli("up", "lab")
    with capsys.disabled():
        print(f"\n{time.monotonic() - began:.1f} s until the new machine was in service and the gate passed")
    assert accepted["ok"], accepted

    FILE.write_text(whole)
    assert all(set(site["changes"]) == {"same"} for site in dingli("preview", "lab").values()), "the line can go"
