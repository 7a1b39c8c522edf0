"""Who ran what: every folder is told, also one that is damaged, under way or left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.cli.main import application
from dingli.environment import load
from dingli.evidence import Store, run
from dingli.evidence.history import BROKEN, OPEN, RUNNING, entries
from dingli.evidence.manifest import Result


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three runs: an up that passed, a drill that failed, an audit that could not tell."""
    kept = Store("lab", tmp_path / "state" / "lab")
    for kind, result in (("up", Result.PASSED), ("drill", Result.FAILED), ("audit", Result.UNKNOWN)):
        with run(load("lab"), kind, f"a trial of {kind}", store=kept) as opened:
            opened.result = result
    return kept


def _folder(store: Store, number: int) -> Path:
    return store.folders()[number - 1].path


def test_each_run_is_told_with_who_when_how_long_and_result(store: Store) -> None:
    found = entries(store)

    assert [(one.number, one.kind, one.result) for one in found] == [
        (1, "up", "passed"),
        (2, "drill", "failed"),
        (3, "audit", "unknown"),
    ]
    assert all(one.who and one.started and one.seconds is not None and not one.trouble for one in found)
    assert [one.well for one in found] == [True, False, False]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"number": "x"}'])
def test_a_manifest_that_cannot_be_read_is_told_as_broken(store: Store, text: str) -> None:
    (_folder(store, 2) / "manifest.json").write_text(text)

    found = entries(store)

    assert [one.result for one in found] == ["passed", BROKEN, "unknown"]
    assert "manifest" in found[1].trouble


def test_a_manifest_of_another_run_is_told_as_broken(store: Store) -> None:
    (_folder(store, 2) / "manifest.json").write_bytes((_folder(store, 1) / "manifest.json").read_bytes())

    assert entries(store)[1].result == BROKEN


def test_an_empty_folder_and_a_stranger_are_told_as_broken(store: Store) -> None:
    (store.runs / "000004-up-20260101T000000Z").mkdir()
    (store.runs / "000005-up-99999999T999999Z").mkdir()
    (store.runs / "notes.txt").write_text("mine")

    found = entries(store)[3:]

    assert [one.result for one in found] == [BROKEN] * 3
    assert found[2].folder.name == "notes.txt"


def test_a_run_under_way_is_told_as_running_and_one_that_was_killed_as_open(store: Store) -> None:
    with run(load("lab"), "up", "again", store=store):
        assert entries(store)[-1].result == RUNNING
        assert entries(store)[-1].seconds is not None
    for name in ("manifest.json", "manifest.json.sig"):
        (_folder(store, 4) / name).unlink()

    last = entries(store)[-1]

    assert (last.result, last.title) == (OPEN, "again")
    assert last.who


def _asked(monkeypatch: pytest.MonkeyPatch, store: Store, *words: str) -> str:
    """The command's output, in a clone that has this evidence."""
    root = store.state.parent.parent / "clone"
    if not root.exists():
        (root / "stacks").mkdir(parents=True)
        (root / "stacks" / "environments").symlink_to(Path(__file__).parents[3] / "stacks" / "environments")
        (root / ".dingli").mkdir()
        (root / ".dingli" / "lab").symlink_to(store.state)
    monkeypatch.setenv("DINGLI_ROOT", str(root))
    done = CliRunner().invoke(application(["history"]), ["history", "lab", *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ((), [1, 2, 3]),
        (("--last", "2"), [2, 3]),
        (("--kind", "drill"), [2]),
        (("--failed",), [2, 3]),
        (("--failed", "--last", "1"), [3]),
        (("--kind", "nothing"), []),
    ],
)
def test_the_command_filters(
    monkeypatch: pytest.MonkeyPatch, store: Store, words: tuple[str, ...], numbers: list[int]
) -> None:
    assert [one["number"] for one in json.loads(_asked(monkeypatch, store, *words, "--json"))] == numbers


def test_the_command_shows_one_line_for_each(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    shown = _asked(monkeypatch, store).splitlines()

    assert len(shown) == 4
    assert "a trial of drill" in shown[2]
    assert _asked(monkeypatch, store, "--kind", "nothing").strip() == "no such runs"
