"""A segment says what it holds, is the same wherever it is packed, and nothing altered passes for one."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dingli.archive import SegmentDamaged, pack, unpack
from dingli.archive.segment import NOTHING_BEFORE
from tests.unit.archive.conftest import entries_of, with_other_content

ENTRIES = entries_of(7, 20)
DATA = pack("alpha", ENTRIES, NOTHING_BEFORE)
END = DATA.index(b"\n", DATA.index(b"\n") + 1)


def test_what_is_packed_is_unpacked() -> None:
    segment = unpack(DATA)
    assert segment.entries == tuple(ENTRIES)
    assert (segment.header.first, segment.header.last, segment.header.cell) == (1, 20, "alpha")


def test_it_can_be_read_with_the_tools_of_any_machine() -> None:
    magic, header, content = DATA.split(b"\n", 2)
    assert magic == b"DINGLI JOURNAL SEGMENT 1 gzip"
    said = json.loads(header)
    assert hashlib.sha256(gzip.decompress(content)).hexdigest() == said["content_sha256"]
    assert hashlib.sha256(header + b"\n").hexdigest() == unpack(DATA).header.sum


def test_another_compression_makes_no_other_segment() -> None:
    content = gzip.compress(gzip.decompress(DATA[END + 1 :]), 1, mtime=99)
    assert unpack(DATA[: END + 1] + content).header.sum == unpack(DATA).header.sum


@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_is_found_or_changes_the_sum_or_nothing(at: int, bit: int) -> None:
    changed = bytearray(DATA)
    changed[at] ^= 1 << bit
    try:
        found = unpack(bytes(changed))
    except SegmentDamaged:
        return
    assert found.entries == tuple(ENTRIES)
    # What follows in the chain names another sum then; and gzip's own header has bytes that mean nothing here.
    assert found.header.sum != unpack(DATA).header.sum or at > END


@given(st.integers(0, len(DATA) - 1))
def test_a_part_is_no_segment(length: int) -> None:
    with pytest.raises(SegmentDamaged):
        unpack(DATA[:length])
    with pytest.raises(SegmentDamaged):
        unpack(DATA + DATA[:length] + b"x")


def test_a_header_that_lies_is_found() -> None:
    said = json.loads(DATA[:END].split(b"\n")[1])

    def with_header(**changed: object) -> bytes:
        line = json.dumps(said | changed, sort_keys=True, separators=(",", ":")).encode()
        return DATA.split(b"\n")[0] + b"\n" + line + DATA[END:]

    assert unpack(with_header()).header.last == 20
    for lie in (
        {"first": 2},
        {"last": 21},
        {"first_time_ns": 1},
        {"hash_before": "0" * 64},
        {"content_bytes": 2**60},
        {"content_bytes": said["content_bytes"] + 1},
        {"previous": "short"},
        {"more": 1},
    ):
        with pytest.raises(SegmentDamaged):
            unpack(with_header(**lie))


def test_other_content_under_the_same_header_is_found() -> None:
    """Compressed as it should be, with as many bytes: only the sum tells."""
    with pytest.raises(SegmentDamaged, match="another sum"):
        unpack(with_other_content(DATA))


def test_entries_with_a_gap_are_not_packed() -> None:
    with pytest.raises(SegmentDamaged, match="not numbered"):
        pack("alpha", ENTRIES[:3] + ENTRIES[4:], NOTHING_BEFORE)
