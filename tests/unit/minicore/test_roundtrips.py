"""What is encoded decodes to the same, and only encoders' bytes decode."""

from __future__ import annotations

from typing import Any

from dingli_minicore import frames
from dingli_minicore.codec import (
    Command,
    Entry,
    Instrument,
    Kind,
    decode_command,
    decode_entry,
    encode_command,
    encode_entry,
)
from dingli_minicore.exceptions import MalformedError
from hypothesis import given
from hypothesis import strategies as st

U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 64))
CHAR = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
BIT = st.integers(0, 1)


def _text(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(CHAR, min_size=least, max_size=most)


BODIES: dict[Kind, tuple[st.SearchStrategy[Any], ...]] = {
    Kind.LOGON: (U16, BIT),
    Kind.LOGOUT: (_text(96),),
    Kind.HEARTBEAT: (),
    Kind.TEST_REQUEST: (_text(32),),
    Kind.RESEND_REQUEST: (U64, U64),
    Kind.SEQUENCE_RESET: (BIT, U64),
    Kind.REJECT: (),
    Kind.NEW_ORDER: (_text(32), _text(16), _text(16), CHAR, CHAR, CHAR, U64, U64),
    Kind.CANCEL: (_text(32), _text(32), _text(16), CHAR),
    Kind.MASS_STATUS: (_text(32),),
    Kind.INVALID: (_text(4), U32, U16, _text(96)),
    Kind.UNSUPPORTED: (_text(4), _text(32), U16, _text(96)),
    Kind.HEARTBEAT_DUE: (),
    Kind.TEST_REQUEST_DUE: (_text(32),),
    Kind.LOGOUT_DUE: (_text(96),),
    Kind.DISCONNECTED: (),
}
SESSION = st.from_regex(r"[A-Za-z0-9_-]{1,16}", fullmatch=True)
OF_SESSIONS = st.sampled_from(sorted(BODIES)).flatmap(
    lambda kind: st.builds(
        Command, st.just(int(kind)), U64, SESSION, U64, U64, st.integers(0, 3), st.tuples(*BODIES[kind])
    )
)
INSTRUMENTS = st.lists(st.builds(Instrument, _text(16), U64, U64, U64, U64), max_size=4).map(tuple)
OF_CORES = st.one_of(
    st.tuples(st.just(int(Kind.EPOCH_START)), st.tuples(_text(64, 1))),
    st.tuples(st.just(int(Kind.TICK)), st.just(())),
    st.tuples(st.just(int(Kind.CONFIGURE)), st.tuples(U32, U32, INSTRUMENTS)),
).map(lambda each: Command(each[0], 0, "", 0, 0, 0, each[1]))
COMMANDS = OF_SESSIONS | OF_CORES


@given(COMMANDS)
def test_a_command_survives(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(COMMANDS, st.data())
def test_a_damaged_command_is_refused_or_is_another_command(command: Command, data: st.DataObject) -> None:
    good = encode_command(command)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes((good[at] ^ data.draw(st.integers(1, 255)),)) + good[at + 1 :]
    try:
        assert encode_command(decode_command(bad)) == bad
    except MalformedError:
        return


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_or_are_the_encoders(data: bytes) -> None:
    try:
        assert encode_command(decode_command(data)) == data
    except MalformedError:
        return


@given(st.lists(COMMANDS, min_size=1, max_size=5), U32, U64, U64, U64, st.binary(min_size=48, max_size=48))
def test_an_entry_survives(commands: list[Command], generation: int, epoch: int, n: int, time: int, raw: bytes) -> None:
    entry = Entry(generation, epoch, n, raw[:16], time, raw[16:], tuple(commands))
    data = encode_entry(entry, [encode_command(each) for each in commands])
    assert decode_entry(data) == entry


@given(st.binary(min_size=1, max_size=60))
def test_any_frame_is_parsed_or_refused(data: bytes) -> None:
    try:
        frames.parse(data)
    except MalformedError:
        return


@given(st.lists(st.binary(min_size=1, max_size=30)), st.integers(1, 7))
def test_frames_are_found_however_they_are_cut(bodies: list[bytes], step: int) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    buffer = bytearray()
    found: list[bytes] = []
    for at in range(0, len(stream), step):
        buffer += stream[at : at + step]
        found.extend(frames.frames_in(buffer))
    assert found == bodies
    assert not buffer
