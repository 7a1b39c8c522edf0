"""The load's FIX bytes, against a library that others wrote."""

from __future__ import annotations

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st

from loadtests import wire

texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
fields = st.lists(st.tuples(st.integers(6_000, 9_999), texts), max_size=8)
messages = st.tuples(st.sampled_from("D8F1A"), st.integers(1, 10**9), fields)


def encoded(one: tuple[str, int, wire.Fields]) -> bytes:
    return wire.encode(one[0], "M001", "alpha", one[1], one[2])


@given(messages)
def test_simplefix_reads_what_we_write(one: tuple[str, int, wire.Fields]) -> None:
    parser = simplefix.FixParser()
    parser.append_buffer(encoded(one))
    read = parser.get_message()
    pairs = [(int(tag), value.decode()) for tag, value in read.pairs]
    assert pairs[:6] == [(8, "FIX.4.4"), (9, pairs[1][1]), (35, one[0]), (49, "M001"), (56, "alpha"), (34, str(one[1]))]
    assert pairs[7:-1] == one[2]


@given(messages)
def test_we_read_what_simplefix_writes(one: tuple[str, int, wire.Fields]) -> None:
    written = simplefix.FixMessage()
    for tag, value in [(8, "FIX.4.4"), (35, one[0]), (49, "alpha"), (56, "M001"), (34, str(one[1])), *one[2]]:
        written.append_pair(tag, value)
    [message] = wire.Splitter().feed(written.encode())
    assert wire.decode(message).items() >= {35: one[0], 34: str(one[1]), **dict(one[2])}.items()


def test_a_repeat_says_so_and_when_it_was_first_sent() -> None:
    tags = wire.decode(wire.encode("D", "M001", "alpha", 7, [(11, "a")], original="20261121-00:00:00.000"))
    assert (tags[34], tags[43], tags[122]) == ("7", "Y", "20261121-00:00:00.000")


@given(st.lists(messages, min_size=1, max_size=5), st.lists(st.integers(1, 40), min_size=1, max_size=50))
def test_a_stream_cut_anywhere_gives_the_same_messages(
    many: list[tuple[str, int, wire.Fields]], sizes: list[int]
) -> None:
    whole = [encoded(one) for one in many]
    found: list[bytes] = []
    stream, splitter, turn = b"".join(whole), wire.Splitter(), 0
    while stream:
        size = sizes[turn % len(sizes)]
        turn += 1
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == whole
    assert splitter.buffer == b""


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"8=FIX.4.2\x019=5\x0135=0\x0110=000\x01",
        b"8=FIX.4.4\x019=-5\x0135=0\x0110=000\x01",
        b"8=FIX.4.4\x019=x\x0135=0\x0110=000\x01",
        b"8=FIX.4.4\x019=1000000000000",
        b"8=FIX.4.4\x019=5\x0135=0\x0199=000\x01",
    ],
)
def test_bytes_that_are_not_fix_are_refused(data: bytes) -> None:
    with pytest.raises(wire.ProtocolError, match="expected"):
        list(wire.Splitter().feed(data))
