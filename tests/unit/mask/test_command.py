"""`dingli mask` on a dump: a day or a range; what it refuses before it writes anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.cli.mask import app
from dingli.exceptions import DingliError, InputError
from dingli.mask import MaskError
from drills.checker.journal import read_segments
from drills.checker.stream import START_NS, RandomStream
from drills.checker.wire import Entry
from tests.unit.environment.test_mistakes import HERE

ENTRIES = list(RandomStream(4).entries(300))
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    file = tmp_path / "stacks" / "environments" / "base.yaml"
    file.parent.mkdir(parents=True)
    file.write_text((HERE / "base.yaml").read_text().replace("metals:", "alpha:"))
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    write_dump(tmp_path, ENTRIES)

    def run(*words: object) -> str:
        arguments = ["base", "alpha", "--dump", str(tmp_path / "journal.jsonl"), *map(str, words)]
        return CliRunner().invoke(app, arguments, catch_exceptions=False).output

    return run


def write_dump(folder: Path, entries: list[bytes]) -> None:
    lines = [{"n": n, "value": base64.b64encode(entry).decode()} for n, entry in enumerate(entries, start=1)]
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_day_is_what_happened_between_two_midnights_utc(run: Run, tmp_path: Path) -> None:
    day = datetime.fromtimestamp(START_NS // 10**9, UTC).date()
    said = json.loads(run("--day", day, "--into", tmp_path / "out", "--json"))
    assert (said["entries"], said["opening"]) == (len(ENTRIES), 0)
    assert json.loads((tmp_path / "out" / "mask.json").read_text())["totals"] == said["totals"]
    with pytest.raises(InputError, match="no entry of that day"):
        run("--day", day + timedelta(days=1), "--into", tmp_path / "other")
    with pytest.raises(InputError, match="2026-11-20"):
        run("--day", "yesterday", "--into", tmp_path / "other")


def test_a_range_of_another_cells_name(run: Run, tmp_path: Path) -> None:
    text = run("--from", 20, "--to", 50, "--as", "test", "--into", tmp_path / "out")
    assert "traded, as in the original" in text
    copy = [Entry.decode(data) for data in read_segments(tmp_path / "out")]
    assert copy[-1].time_ns == Entry.decode(ENTRIES[49]).time_ns
    assert b'"cell":"test"' in next((tmp_path / "out").glob("*.segment")).read_bytes()


def test_what_cannot_be_is_refused_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    refused: list[tuple[type[DingliError], str, tuple[object, ...]]] = [
        (InputError, "a range inside the journal", ("--from", 5, "--to", 4)),
        (InputError, "a range inside the journal", ("--to", len(ENTRIES) + 1)),
        (InputError, "one or the other", ("--day", "2026-01-01", "--from", 4)),
    ]
    for kind, text, words in refused:
        with pytest.raises(kind, match=text):
            run(*words, "--into", tmp_path / "out")
    with pytest.raises(InputError, match="something in"):
        run("--into", tmp_path)
    write_dump(tmp_path, ENTRIES[:10] + ENTRIES[11:])
    with pytest.raises(MaskError, match="does not replay"):
        run("--into", tmp_path / "out")
    (tmp_path / "journal.jsonl").write_text("nothing\n")
    with pytest.raises(MaskError, match="is not an entry"):
        run("--into", tmp_path / "out")
    assert not (tmp_path / "out").exists()
