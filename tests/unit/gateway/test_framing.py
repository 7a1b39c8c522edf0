"""A byte stream is cut into messages, and what is garbled costs nobody else anything."""

import itertools

import pytest
from dingli_gateway.exceptions import OversizedError
from dingli_gateway.framing import Fault, Framer, Message
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 8192


def whole(body: bytes) -> bytes:
    """A correct message around a body written with | for SOH."""
    body = body.replace(b"|", b"\x01")
    text = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
    return b"%b10=%03d\x01" % (text, sum(text) % 256)


HEARTBEAT = whole(b"35=0|49=M1|56=alpha|34=7|52=20261121-10:00:00.000|")
BODY_LENGTH = len(HEARTBEAT) - len(b"8=FIX.4.4|9=nn|") - len(b"10=nnn|")


def with_length(length: int) -> bytes:
    return HEARTBEAT.replace(b"9=%d\x0135" % BODY_LENGTH, b"9=%d\x0135" % length)


def take_all(framer: Framer) -> list[Message]:
    messages = []
    while (message := framer.take()) is not None:
        messages.append(message)
    return messages


def framed(data: bytes) -> tuple[list[Message], int]:
    framer = Framer(LIMIT)
    framer.feed(data)
    return take_all(framer), framer.garbled


def test_a_message_is_its_fields() -> None:
    messages, garbled = framed(HEARTBEAT)
    assert garbled == 0
    assert messages[0].begin_string == b"FIX.4.4"
    assert messages[0].msg_type == b"0"
    assert messages[0].fields[b"49"] == b"M1"
    assert messages[0].fault is None


GARBLED = {
    "wrong checksum": HEARTBEAT[:-4] + b"%03d\x01" % ((int(HEARTBEAT[-4:-1]) + 1) % 256),
    "checksum not a number": HEARTBEAT[:-4] + b"abc\x01",
    "length too short": with_length(BODY_LENGTH - 2),
    "length not a number": HEARTBEAT.replace(b"\x019=", b"\x019=x"),
    "length missing": HEARTBEAT.replace(b"\x019=", b"\x017="),
    "begins with something else": b"GET / HTTP/1.1\r\n\r\n",
    "third field is not the type": whole(b"49=M1|35=0|56=alpha|34=7|"),
    "a byte that cannot be": whole(b"35=0|49=M1|56=alpha|34=7|112=a\x00b|"),
    "begin string without end": b"8=" + b"F" * 40,
}


@pytest.mark.parametrize("garbage", GARBLED.values(), ids=GARBLED.keys())
def test_garbled_bytes_are_skipped_and_the_next_message_is_found(garbage: bytes) -> None:
    messages, garbled = framed(garbage + HEARTBEAT + HEARTBEAT)
    assert [message.msg_type for message in messages] == [b"0", b"0"]
    assert garbled >= 1


def test_a_length_beyond_the_message_swallows_only_that_message() -> None:
    messages, garbled = framed(with_length(BODY_LENGTH + 20) + HEARTBEAT)
    assert (len(messages), garbled) == (1, 1)


def test_an_oversized_message_is_refused_before_it_is_read() -> None:
    framer = Framer(LIMIT)
    framer.feed(b"8=FIX.4.4\x019=9000\x01")
    with pytest.raises(OversizedError, match="at most 8192"):
        framer.take()


def test_data_fields_may_hold_any_byte() -> None:
    message = framed(whole(b"35=B|34=2|354=5|355=a\x01=\x00b|58=after|"))[0][0]
    assert message.fields[b"355"] == b"a\x01=\x00b"
    assert message.fields[b"58"] == b"after"
    assert message.fault is None


FAULTS = [
    (b"35=D|34=2|11=a|11=b|", Fault(13, 11, "tag appears more than once")),
    (b"35=D|34=2|11=|", Fault(4, 11, "tag without a value")),
    (b"35=D|34=2|nonsense|", Fault(0, 0, "not a tag and a value")),
    (b"35=D|34=2|1a=2|", Fault(0, 0, "not a tag and a value")),
    (b"35=D|34=2|453=2|448=A|447=D|448=B|447=D|", None),
]


@pytest.mark.parametrize(("body", "fault"), FAULTS)
def test_the_first_fault_is_told(body: bytes, fault: Fault | None) -> None:
    assert framed(whole(body))[0][0].fault == fault


@given(cuts=st.lists(st.integers(0, 3 * len(HEARTBEAT)), max_size=8))
def test_how_the_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    stream = HEARTBEAT * 3
    framer = Framer(LIMIT)
    messages = []
    places = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(places):
        framer.feed(stream[start:end])
        messages += take_all(framer)
    assert (len(messages), framer.garbled) == (3, 0)


@given(garbage=st.binary(max_size=200), chunk=st.integers(1, 50))
def test_no_bytes_break_the_framer(garbage: bytes, chunk: int) -> None:
    framer = Framer(LIMIT)
    stream = garbage + b"\x01" + HEARTBEAT
    try:
        for start in range(0, len(stream), chunk):
            framer.feed(stream[start : start + chunk])
            take_all(framer)
    except OversizedError:
        assert b"9=" in garbage


PRINTABLE = [*range(0x20, 0x7C), 0x7D, 0x7E, *range(0x80, 0x100)]  # without |, which these tests write for SOH
values = st.lists(st.sampled_from(PRINTABLE), min_size=1, max_size=20).map(bytes)


@given(fields=st.dictionaries(st.integers(5000, 9999), values, max_size=6))
def test_what_was_written_is_read(fields: dict[int, bytes]) -> None:
    messages, garbled = framed(whole(b"35=D|34=1|" + b"".join(b"%d=%b|" % item for item in fields.items())))
    assert garbled == 0
    assert messages[0].fields == {b"35": b"D", b"34": b"1", **{b"%d" % tag: value for tag, value in fields.items()}}
