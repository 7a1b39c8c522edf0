"""Events become exactly these bytes."""

import pytest
from dingli_gateway.exceptions import WireError
from dingli_gateway.outbound import Envelope, decimal, timestamp
from dingli_gateway.wire import Event, decode_event, string
from hypothesis import given
from hypothesis import strategies as st

NOW_NS = 1_795_255_200_123_456_789
ENTRY_NS = NOW_NS - 1_000_000_000
ENVELOPE = Envelope(b"alpha", b"M1")


def event(kind: int, body: bytes, out_seq: int = 7) -> Event:
    head = bytes([kind]) + string(b"M1") + (5).to_bytes(8, "big") + out_seq.to_bytes(8, "big")
    return decode_event(head + body)


def number(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "big")


def report(exec_type: bytes, price: int, last: tuple[int, int], mass_id: bytes = b"", reason: int = 65535) -> bytes:
    quantities = (price, 100, *last, 60, 40, 125_000)
    return b"".join(
        (
            string(b"1.9.1") + string(b"1.8.9.2") + string(b"A1") + string(b""),
            exec_type + b"1" + number(reason, 2) + string(b"WIDGET") + b"120",
            *(number(quantity) for quantity in quantities),
            string(b"1.9.1.1") + string(b"") + string(mass_id) + number(3, 4) + b"\x01" + string(b""),
        )
    )


def readable(message: bytes) -> str:
    return message.replace(b"\x01", b"|").decode()


HEAD = "49=alpha|56=M1|34=7|52=20261121-10:00:00.123|"
BODIES = [
    (0x81, number(30, 2) + b"\x01", f"35=A|{HEAD}98=0|108=30|141=Y|"),
    (0x81, number(30, 2) + b"\x00", f"35=A|{HEAD}98=0|108=30|"),
    (0x82, string(b"bye"), f"35=5|{HEAD}58=bye|"),
    (0x82, string(b""), f"35=5|{HEAD}"),
    (0x83, string(b""), f"35=0|{HEAD}"),
    (0x83, string(b"T1"), f"35=0|{HEAD}112=T1|"),
    (0x84, string(b"T1"), f"35=1|{HEAD}112=T1|"),
    (0x85, number(3) + number(0), f"35=2|{HEAD}7=3|16=0|"),
    (
        0x87,
        number(4) + string(b"D") + number(11, 4) + number(1, 2) + string(b"x"),
        f"35=3|{HEAD}45=4|371=11|372=D|373=1|58=x|",
    ),
    (0x87, number(4) + string(b"") + number(0, 4) + number(0, 2) + string(b""), f"35=3|{HEAD}45=4|373=0|"),
    (
        0x88,
        number(4) + string(b"G") + string(b"A1") + number(3, 2) + string(b"no"),
        f"35=j|{HEAD}45=4|372=G|379=A1|380=3|58=no|",
    ),
    (
        0x90,
        report(b"F", 125_000, (40, 125_000)),
        f"35=8|{HEAD}37=1.9.1|11=A1|17=1.8.9.2|150=F|39=1|55=WIDGET|54=1|38=100|40=2|44=12.5|59=0|32=40|31=12.5|"
        "151=60|14=40|6=12.5|60=20261121-09:59:59.123|527=1.9.1.1|",
    ),
    (
        0x90,
        report(b"I", 0, (0, 0), b"S1", 6),
        f"35=8|{HEAD}37=1.9.1|11=A1|17=1.8.9.2|150=I|39=1|103=6|55=WIDGET|54=1|38=100|40=2|59=0|"
        "151=60|14=40|6=12.5|60=20261121-09:59:59.123|527=1.9.1.1|584=S1|911=3|912=Y|",
    ),
    (
        0x91,
        string(b"NONE") + string(b"C1") + string(b"A1") + b"8" + number(1, 2) + string(b"unknown order"),
        f"35=9|{HEAD}37=NONE|11=C1|41=A1|39=8|434=1|102=1|60=20261121-09:59:59.123|58=unknown order|",
    ),
]


@pytest.mark.parametrize(("kind", "body", "expected"), BODIES)
def test_an_event_becomes_its_message(kind: int, body: bytes, expected: str) -> None:
    text = readable(ENVELOPE.event(event(kind, body), ENTRY_NS, NOW_NS))
    assert text[text.index("35=") : text.rindex("10=")] == expected


def test_length_and_checksum_are_right() -> None:
    message = ENVELOPE.event(event(0x83, string(b"")), ENTRY_NS, NOW_NS)
    assert message == (
        b"8=FIX.4.4\x019=50\x0135=0\x0149=alpha\x0156=M1\x0134=7\x0152=20261121-10:00:00.123\x0110="
        + b"%03d\x01" % (sum(message[:-7]) % 256)
    )


def test_a_repeated_message_says_so_and_when_it_was_first_sent() -> None:
    text = readable(ENVELOPE.again(event(0x82, string(b"")), ENTRY_NS, NOW_NS))
    assert "|34=7|43=Y|52=20261121-10:00:00.123|122=20261121-09:59:59.123|" in text


def test_a_gap_fill_stands_for_a_run_of_numbers() -> None:
    text = readable(ENVELOPE.gap_fill(3, 9, NOW_NS))
    assert "35=4|49=alpha|56=M1|34=3|43=Y|" in text
    assert "|123=Y|36=9|10=" in text


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in BODIES}))
def test_an_event_that_is_cut_or_too_long_is_refused(kind: int) -> None:
    body = next(body for known, body, _ in BODIES if known == kind)
    for wrong in (body[:-1], body + b"\x00"):
        with pytest.raises(WireError):
            ENVELOPE.event(event(kind, wrong), ENTRY_NS, NOW_NS)


@given(scaled=st.integers(0, 10**13))
def test_prices_are_exact_and_short(scaled: int) -> None:
    whole, _, fraction = decimal(scaled).decode().partition(".")
    assert int(whole) * 10_000 + int(fraction.ljust(4, "0")) == scaled
    assert not fraction.endswith("0")


def test_known_prices_and_times() -> None:
    assert [decimal(680_000_000), decimal(500), decimal(0)] == [b"68000", b"0.05", b"0"]
    assert timestamp(NOW_NS) == b"20261121-10:00:00.123"
