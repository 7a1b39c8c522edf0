"""The image that hosts are made from is the one that its record tells of, and a copy with one other file is not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab import golden, imaging
from lab.golden import record
from lab.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[3]
NAME = "debian-13-x86_64"
CHANGED = "/etc/login.defs"


@pytest.fixture(scope="module")
def image() -> Path:
    recipe = load_recipe("debian-13", "x86_64")
    assert recipe is not None
    return imaging.build(recipe)


def _verify(*more: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-c", "from dingli.cli.main import run; run()", "image", "verify", NAME, "--json", *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    (verdict,) = json.loads(done.stdout)
    return done.returncode, verdict


def test_the_image_in_the_cache_is_as_its_record_says_and_meets_what_its_recipe_promises(image: Path) -> None:
    status, verdict = _verify()
    assert (status, verdict["findings"]) == (0, [])
    made = record.read(image)
    assert verdict["paths"] == made.root.paths > 5000
    recipe = load_recipe("debian-13", "x86_64")
    assert recipe is not None
    assert set(recipe.satisfies) <= set(made.satisfies)
    assert {one.name for one in made.packages} >= set(recipe.packages)
    assert all(one.sha256 for one in made.packages)


def test_one_changed_file_of_a_copy_is_named_and_no_other(image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tar"
    with tarfile.open(image / golden.ARCHIVE, "r|") as original, tarfile.open(copy, "w|") as changed:
        for member in original:
            content = original.extractfile(member) if member.isreg() else None
            if content is not None and member.name == f".{CHANGED}":
                weaker = content.read().replace(b"UMASK 027", b"UMASK 022")
                content = io.BytesIO(weaker)
            changed.addfile(member, content)
    status, verdict = _verify("--archive", str(copy))
    assert status == 1
    assert [one["path"] for one in verdict["findings"]] == [str(copy), CHANGED]
