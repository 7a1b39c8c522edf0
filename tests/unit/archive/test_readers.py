"""Main core, minimal core and checker read segments each with code of its own, and none takes an altered one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dingli_core.segments import Segments
from dingli_minicore.segments import entries_from

from dingli.archive import pack, unpack
from dingli.archive.fetching import file_name
from dingli.archive.segment import NOTHING_BEFORE
from drills.checker.journal import read_dump, read_segments
from drills.checker.record import Incomplete
from tests.unit.archive.conftest import entries_of, with_other_content

ENTRIES = entries_of(5, 30)
Read = Callable[[Path, int], list[bytes]]


def by_checker(folder: Path, n: int) -> list[bytes]:
    try:
        return read_segments(folder)[n - 1 :]
    except Incomplete:
        return []


READERS: dict[str, Read] = {
    "main": lambda folder, n: Segments(folder, "alpha").read(n),
    "minimal": lambda folder, n: [data for _, data in entries_from(folder, "alpha", n)],
    "checker": by_checker,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    previous = NOTHING_BEFORE
    for first in (1, 11, 21):
        data = pack("alpha", ENTRIES[first - 1 : first + 9], previous)
        (tmp_path / file_name(first)).write_bytes(data)
        previous = unpack(data).header.sum
    return tmp_path


@pytest.mark.parametrize("name", ["main", "minimal"])
def test_a_core_reads_to_the_end_of_a_segment_from_any_entry(folder: Path, name: str) -> None:
    for n in (1, 2, 10, 11, 25, 30):
        end = (n + 9) // 10 * 10
        assert READERS[name](folder, n) == ENTRIES[n - 1 : end]
    for n in (31, 10**6):
        assert READERS[name](folder, n) == []
    assert READERS[name](folder / "none", 1) == []


def test_the_checker_reads_all_of_them(folder: Path) -> None:
    assert read_segments(folder) == ENTRIES


@pytest.mark.parametrize("name", READERS)
def test_an_altered_segment_is_not_read(folder: Path, name: str) -> None:
    path = folder / file_name(1)
    whole = path.read_bytes()
    content_at = whole.index(b"\n", whole.index(b"\n") + 1) + 11
    alterations = [b"", whole[:50], whole[:-5], b"X" + whole[1:], pack("alpha", ENTRIES[1:10], NOTHING_BEFORE)]
    alterations.append(with_other_content(whole))
    for at in range(content_at, len(whole) - 8, 37):
        alterations.append(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
    for altered in alterations:
        path.write_bytes(altered)
        assert READERS[name](folder, 1) == []


def test_a_journal_is_segments_and_dump(folder: Path, tmp_path: Path) -> None:
    def dump(first: int, last: int) -> Path:
        lines = [{"n": n, "value": base64.b64encode(ENTRIES[n - 1]).decode()} for n in range(first, last + 1)]
        path = tmp_path / "journal.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    (folder / file_name(21)).unlink()
    assert read_dump(dump(1, 30)).entries == ENTRIES
    for begin in (5, 20, 21):
        read = read_dump(dump(begin, 30), folder)
        assert (read.entries, read.head) == (ENTRIES, 30)
    with pytest.raises(Incomplete, match="entry 21 is neither"):
        read_dump(dump(22, 30), folder)
    with pytest.raises(Incomplete, match="entry 1 is neither"):
        read_dump(dump(2, 30))
    another = entries_of(6, 30)
    (folder / file_name(1)).unlink()
    (folder / file_name(11)).unlink()
    (folder / file_name(1)).write_bytes(pack("alpha", another[:10], NOTHING_BEFORE))
    with pytest.raises(Incomplete, match="entry 10 of the archive is not the journal's"):
        read_dump(dump(10, 30), folder)
    (folder / file_name(11)).write_bytes(pack("alpha", entries_of(6, 20)[10:], NOTHING_BEFORE))
    with pytest.raises(Incomplete):
        read_dump(dump(21, 30), folder)
