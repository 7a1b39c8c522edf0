"""Programs are equal byte by byte when what they are made from is equal."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from dingli.artifacts import ArtifactError, Program, build, build_all
from dingli.artifacts.programs import Form

LIBRARY = Program("sample", Form.LIBRARY, ("app/sample/dingli_sample",))
ZIPAPP = Program("sample", Form.ZIPAPP, ("app/sample/dingli_sample",))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    package = tmp_path / "clone" / "app" / "sample" / "dingli_sample"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import sys\nfrom dingli_sample.inner.word import WORD\nprint(WORD, sys.argv[1:])\n"
    )
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "word.py").write_text("WORD = 'hello'\n")
    return tmp_path / "clone"


@pytest.mark.parametrize("program", [LIBRARY, ZIPAPP])
def test_built_twice_it_is_the_same_whenever_and_by_whomever(program: Program, clone: Path, tmp_path: Path) -> None:
    first = build(program, tmp_path / "first", clone)
    for path in clone.rglob("*"):
        os.utime(path, (time.time() - 86400, time.time() - 86400))
        path.chmod(0o700)
    (clone / "app/sample/dingli_sample/__pycache__").mkdir()
    (clone / "app/sample/dingli_sample/__pycache__/x.pyc").write_text("left over")
    second = build(program, tmp_path / "second", clone)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256


def test_another_source_makes_another_archive(clone: Path, tmp_path: Path) -> None:
    first = build(ZIPAPP, tmp_path, clone)
    (clone / "app/sample/dingli_sample/inner/word.py").write_text("WORD = 'other'\n")
    assert build(ZIPAPP, tmp_path, clone).sha256 != first.sha256


def test_an_unchanged_program_is_not_built_again(clone: Path, tmp_path: Path) -> None:
    first = build(LIBRARY, tmp_path, clone).path.stat().st_mtime_ns
    assert build(LIBRARY, tmp_path, clone).path.stat().st_mtime_ns == first


def test_a_zipapp_runs_by_itself(clone: Path, tmp_path: Path) -> None:
    made = build(ZIPAPP, tmp_path, clone)
    done = subprocess.run(
        [sys.executable, "-I", made.path, "--config", "x"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "hello ['--config', 'x']\n"


def test_a_library_holds_its_files_below_lib_owned_by_root(clone: Path, tmp_path: Path) -> None:
    with tarfile.open(build(LIBRARY, tmp_path, clone).path) as tar:
        entries = tar.getmembers()
    assert "lib/dingli_sample/inner/word.py" in [entry.name for entry in entries]
    assert {(entry.uid, entry.uname) for entry in entries} == {(0, "root")}


def test_a_missing_lock_is_named(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"app/sample/requirements\.lock"):
        build(Program("sample", Form.LIBRARY, LIBRARY.packages, "app/sample/requirements.lock"), tmp_path, clone)


def test_an_unknown_program_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no program 'cor'") as caught:
        build_all(tmp_path, ["cor", "core"])
    assert "core" in caught.value.expected
