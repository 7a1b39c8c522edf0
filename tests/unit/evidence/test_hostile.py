"""Whatever is done to evidence, it is never called verified when it is not what was left behind, and nothing breaks."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dingli.evidence import manifest, register_secret, run
from dingli.evidence.exceptions import SecretInEvidence, WitnessError
from dingli.evidence.verification import Level, Verdict, statements_as_answers, verify
from dingli.evidence.witness import countersign, read_statements
from tests.conftest import Fuzz

from .conftest import Site
from .test_verification import judged, remove_last_run, sign_anew, where

pytestmark = pytest.mark.slow

NAMES = ["new", "../../outside", "..", "a\nb", "\x1b[2J", "ü", "\udcff.txt", ".hidden", "manifest.json.sig2", "a" * 200]


def from_file(site: Site) -> Verdict:
    """As `judged`, with what the witnesses said in time: nobody is asked again."""
    return verify(site.store, site.allowed_signers, statements_as_answers(read_statements(site.store.statements)))


def snapshot(folder: Path) -> dict[str, object]:
    """Everything that matters of a tree."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = path.readlink()
        elif path.is_file():
            found[str(path)] = path.read_bytes()
        elif not path.is_dir():
            found[str(path)] = path.lstat().st_mode
    return found


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def flip(source: random.Random, file: Path) -> None:
    data = bytearray(file.read_bytes() or b"x")
    data[source.randrange(len(data))] ^= 1 << source.randrange(8)
    file.write_bytes(data)


def truncate(source: random.Random, file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: source.randrange(len(data) or 1)])


def append(source: random.Random, file: Path) -> None:
    more = [b"\n", b"\0", b"[" * 100_000, b'{"a":"' + b"x" * 1_000_000 + b'"}\n', b'{"title":"\\ud800"}\n', b"\xff"]
    file.write_bytes(file.read_bytes() + source.choice(more))


def remove(_source: random.Random, file: Path) -> None:
    file.unlink()


def rename(source: random.Random, file: Path) -> None:
    file.rename(file.with_name(Path(source.choice(NAMES)).name.replace("..", "x") or "x"))


def link(_source: random.Random, file: Path) -> None:
    kept = file.parents[2] / "kept"
    file.rename(kept)
    file.symlink_to(kept)


def make_folder(_source: random.Random, file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_pipe(_source: random.Random, file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def make_endless(_source: random.Random, file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(1 << 40)


def add(source: random.Random, file: Path) -> None:
    name = Path(source.choice(NAMES)).name.replace("..", "x")
    there = file.parent / name
    if source.random() < 0.3:
        os.mkfifo(there)
    elif source.random() < 0.5:
        there.symlink_to("/etc/passwd")
    else:
        there.write_bytes(b"")


def edit_manifest(source: random.Random, file: Path) -> None:
    """What it says, changed as JSON: other paths, sums, numbers, kinds of values."""
    place = next(parent for parent in file.parents if (parent / "manifest.json").exists()) / "manifest.json"
    said: Any = json.loads(place.read_bytes())
    entry = source.choice(said["files"])
    key = source.choice(["path", "size", "sha256"])
    values: list[Any] = [*NAMES, "/etc/passwd", -1, 10**30, None, [], {}, "symlink:", True, "0" * 64, 1e300]
    if source.random() < 0.5:
        entry[key] = source.choice(values)
    else:
        said[source.choice(list(said))] = source.choice(values)
    place.write_text(json.dumps(said))


def copy_over(source: random.Random, file: Path) -> None:
    file.write_bytes(source.choice(files(file.parents[1])).read_bytes())


CHANGES: list[Callable[[random.Random, Path], None]] = [
    flip, truncate, append, remove, rename, link, make_folder, make_pipe, make_endless, add, edit_manifest, copy_over,
]  # fmt: skip


def test_changed_evidence_is_never_called_consistent(three_runs: Site, fuzz: Fuzz, tmp_path: Path) -> None:
    runs, untouched = three_runs.store.runs, tmp_path / "untouched"
    shutil.copytree(runs, untouched)
    before = snapshot(runs)
    for case in fuzz.cases(150):
        source = fuzz.random(case)
        file, change = source.choice(files(runs)), source.choice(CHANGES)
        with fuzz.naming(case, f"{change.__name__} {file}"):
            change(source, file)
            changed = change in (make_endless, make_folder) or snapshot(runs) != before
            verdict = from_file(three_runs)
            assert (verdict.level is Level.BROKEN) == changed, verdict.findings
            assert all(str(finding).isprintable() for finding in verdict.findings)
        shutil.rmtree(runs)
        shutil.copytree(untouched, runs)
    assert from_file(three_runs).level is None


def test_changed_heads_never_hide_that_the_last_run_is_gone(three_runs: Site, fuzz: Fuzz) -> None:
    remove_last_run(three_runs)
    text = three_runs.store.statements.read_bytes()
    for case in fuzz.cases(150):
        source, changed = fuzz.random(case), bytearray(text)
        for _ in range(source.randrange(1, 4)):
            at, more = (
                source.randrange(len(changed)),
                source.choice([b"", b"\\n", b"\n", b'","', b'"', b"\\u00b2", b"1"]),
            )
            changed[at : at + source.randrange(3)] = more
        three_runs.store.statements.write_bytes(bytes(changed))
        with fuzz.naming(case, bytes(changed)):
            try:
                verdict = from_file(three_runs)
            except WitnessError:
                continue
            assert verdict.level is not None


@pytest.mark.parametrize("joined", ["\n", "\r\n", "\x0b"])
def test_a_line_break_inside_a_signed_line_hides_no_heads(three_runs: Site, joined: str) -> None:
    """The bytes that the signature is over would stay the same."""
    remove_last_run(three_runs)
    statements = [json.loads(line) for line in three_runs.store.statements.read_text().splitlines()]
    for statement in statements:
        statement["lines"] = [joined.join(statement["lines"])]
    three_runs.store.statements.write_text("".join(json.dumps(one) + "\n" for one in statements))
    assert from_file(three_runs).level is Level.BROKEN


def test_a_run_that_was_renamed_to_another_day_is_found(three_runs: Site) -> None:
    folder = three_runs.store.folders()[1].path
    folder.rename(folder.with_name("000002-drill-20200101T000000Z"))
    assert "that it began at" in where(judged(three_runs))


def test_names_that_are_no_text_and_pipes_are_part_of_a_run(site: Site) -> None:
    with run(site.environment, "drill", "odd names", store=site.store) as opened:
        (opened.raw / "\udcff").write_bytes(b"x")
        os.mkfifo(opened.raw / "pipe")
    site.write_allowed_signers()
    countersign(site.environment, site.store, site.dial)
    assert judged(site).level is None
    (opened.raw / "pipe").unlink()
    (opened.raw / "pipe").write_bytes(b"")
    assert judged(site).level is Level.BROKEN


def test_two_names_for_one_place_do_not_hide_a_file(three_runs: Site) -> None:
    folder = three_runs.store.folders()[2].path
    (folder / "raw" / "\udcff").write_bytes(b"one")
    sign_anew(three_runs)
    (folder / f"bytes:{os.fsencode('raw/').hex()}ff").write_bytes(b"another")
    assert "a file that was added" in where(judged(three_runs))


RECORDS = {
    "deep": b'{"event":"x","data":' + b"[" * 900 + b"]" * 900 + b"}",
    "deeper": b"[" * 200_000,
    "no_characters": b'{"event":"run-started","title":"\\ud800","who":"\\udfff"}',
    "a_list_as_title": b'{"event":"run-started","title":[1],"who":{"a":1},"at":"\\u0000"}',
    "cut_off": b'{"event":"run-started","ti',
    "no_utf8": b'\xff\xfe{"event"',
    "empty": b"",
    "huge_number": b'{"event":1' + b"0" * 10_000 + b"}",
}


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_a_run_that_was_killed_is_closed_whatever_its_record_holds(three_runs: Site, content: bytes) -> None:
    left = three_runs.store.runs / "000004-drill-20261121T034500Z"
    (left / "raw").mkdir(parents=True)
    (left / "record.jsonl").write_bytes(content)
    three_runs.leave_run("the next")
    assert manifest.read(three_runs.store.folders()[3]).result is manifest.Result.INTERRUPTED
    assert judged(three_runs).level is None


def test_a_secret_is_withheld_from_the_run_and_not_from_where_a_link_leads(site: Site, tmp_path: Path) -> None:
    secret = "fuzzed-" + "secret" * 3
    register_secret(secret)
    outside = tmp_path / "key"
    outside.write_text(secret)
    with run(site.environment, "drill", "a link", store=site.store) as opened:
        (opened.raw / "link").symlink_to(outside)
    assert outside.read_text() == secret
    with (
        pytest.raises(SecretInEvidence, match="raw/file"),
        run(site.environment, "drill", "a file", store=site.store) as opened,
    ):
        (opened.raw / "file").write_text(secret)


def test_spoiled_statements_of_witnesses_are_put_aside_and_had_again(three_runs: Site) -> None:
    three_runs.store.statements.write_bytes(b'{"witness": "stan')
    three_runs.leave_run("the next")
    assert len(read_statements(three_runs.store.statements)) == 2
    assert from_file(three_runs).level is None
