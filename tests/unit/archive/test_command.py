"""The commands, against a bucket: what they say, and their exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dingli.archive import Bucket, archive_closed
from dingli.cli.archive import app
from dingli.environment import Archive
from dingli.exceptions import InputError
from tests.unit.archive.conftest import entries_of, journal_of

BASE = Path(__file__).parents[1] / "environment" / "base.yaml"
pytestmark = pytest.mark.slow  # an S3 service
Run = Callable[..., tuple[int, str]]


def entries_of_metals() -> list[bytes]:
    return entries_of(1, 60)


@pytest.fixture
def run(settings: Callable[[], Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    file = tmp_path / "stacks" / "environments" / "base.yaml"
    file.parent.mkdir(parents=True)
    declared = {"archive": settings().model_dump(exclude_none=True)}
    file.write_text(BASE.read_text() + yaml.safe_dump(declared))
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(word) for word in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


def said(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json")[1])


def test_from_an_empty_bucket_to_fetched_segments(run: Run, settings: Callable[[], Archive], tmp_path: Path) -> None:
    assert said(run, "init", "base") == {"bucket": settings().bucket, "made": True}
    assert said(run, "init", "base")["made"] is False
    assert "nothing archived yet" in run("list", "base")[1]
    assert run("verify", "base", "--no-evidence")[0] == 0
    with pytest.raises(InputError, match="no journal at all of cell metals"):
        run("fetch", "base", "metals", str(tmp_path / "out"))

    bucket = Bucket(settings())
    outcome = archive_closed(bucket, "base", journal_of(entries_of_metals(), "metals"), 20)
    (row,) = said(run, "list", "base")
    assert (row["cell"], row["segments"], row["newest_first"]) == ("metals", 3, 41)
    status, text = run("verify", "base", "metals", "--no-evidence")
    assert (status, "whole" in text) == (0, True)
    fetched = said(run, "fetch", "base", "metals", str(tmp_path / "out"))
    assert (fetched["last"], fetched["sum"], fetched["files"]) == (60, outcome.sum, 3)
    assert len(list((tmp_path / "out").glob("*.segment"))) == 3


def test_verify_ends_with_1_and_names_what_was_done(run: Run, settings: Callable[[], Archive]) -> None:
    run("init", "base")
    bucket = Bucket(settings())
    archive_closed(bucket, "base", journal_of(entries_of_metals(), "metals"), 20)
    key = list(bucket.versions(""))[1]
    bucket.put(key, b"pay us")
    status, text = run("verify", "base", "--no-evidence")
    assert (status, key in text, "NOT WHOLE" in text) == (1, True, False)
    (found,) = said(run, "verify", "base", "--no-evidence")
    assert (len(found["findings"]), found["journals"][0]["whole"]) == (1, True)


def test_wrong_words_are_told(run: Run) -> None:
    with pytest.raises(InputError, match="no cell 'metal' in base"):
        run("verify", "base", "metal")
    with pytest.raises(InputError, match="removes nothing from etcd"):
        run("trim", "base", "metals")
    with pytest.raises(InputError, match="no core of metals on 'o'"):
        run("place", "base", "metals", "o")


def test_an_environment_without_an_archive_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stacks" / "environments" / "base.yaml").write_text(BASE.read_text())
    with pytest.raises(InputError, match="declares no archive"):
        run("list", "base")
