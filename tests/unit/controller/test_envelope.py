"""An export opens with its key and in no other way; what is wrong is told apart; nothing doubtful comes out."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from dingli.controller import Altered, ControllerError, NotAnExport, Truncated, WrongKey
from dingli.controller.envelope import parse, seal
from dingli.controller.recovery import Maker, RecoveryKey

OPENS, SIGNS = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEY = RecoveryKey("lab", OPENS, SIGNS.public_key())
MAKER = Maker(OPENS.public_key(), SIGNS)
FILES = {"passphrase": b"open sesame\n", "kept/secrets/deploy_key": bytes(range(256)) * 3}


def sealed(files: dict[str, bytes] = FILES, maker: Maker = MAKER) -> bytes:
    return seal(files, "lab", "2026-11-21T07:30:00Z", "someone@somewhere", maker)


WHOLE = sealed()


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=2000), max_size=5))
def test_what_was_sealed_comes_out(files: dict[str, bytes]) -> None:
    assert parse(sealed(files)).open(KEY) == files


def test_the_outside_says_what_it_is_and_nothing_of_what_is_in_it() -> None:
    header = parse(WHOLE).header

    assert (header.environment, header.recipient) == ("lab", KEY.recipient)
    assert b"sesame" not in WHOLE
    assert b"deploy_key" not in WHOLE


@given(st.integers(1, len(WHOLE) - 1))
def test_a_file_cut_short_anywhere_is_called_so(length: int) -> None:
    with pytest.raises(Truncated):
        parse(WHOLE[:length])


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_byte_changed_anywhere_lets_nothing_out(position: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[position] ^= change
    with pytest.raises(ControllerError):
        parse(bytes(altered)).open(KEY)


@given(st.integers(0, 31 + 16), st.integers(1, 255))
def test_a_change_inside_is_called_an_alteration(position: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[-1 - position] ^= change
    with pytest.raises(Altered, match="altered or damaged"):
        parse(bytes(altered)).open(KEY)


@pytest.mark.parametrize(("field", "other"), [(b'"lab"', b'"lap"'), (b"07:30", b"08:30"), (b"someone@", b"another@")])
def test_what_anybody_may_read_cannot_be_changed(field: bytes, other: bytes) -> None:
    assert field in WHOLE
    with pytest.raises(Altered):
        parse(WHOLE.replace(field, other, 1)).open(KEY)


def test_bytes_after_the_end_are_an_alteration() -> None:
    with pytest.raises(Altered, match="3 bytes follow"):
        parse(WHOLE + b"abc")


def test_another_key_is_told_from_an_alteration() -> None:
    other = RecoveryKey("lab", X25519PrivateKey.generate(), SIGNS.public_key())
    with pytest.raises(WrongKey, match=other.recipient):
        parse(WHOLE).open(other)


def test_an_export_that_somebody_else_sealed_to_the_key_is_refused() -> None:
    forged = sealed(maker=Maker(OPENS.public_key(), Ed25519PrivateKey.generate()))
    with pytest.raises(Altered, match="not by the controller"):
        parse(forged).open(KEY)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"dingli\n", b"\x00" * 5000])
def test_another_file_is_no_export(data: bytes) -> None:
    with pytest.raises(NotAnExport):
        parse(data)


def test_a_later_format_asks_for_a_later_program() -> None:
    with pytest.raises(NotAnExport, match="format '2'"):
        parse(WHOLE.replace(b"export 1\n", b"export 2\n", 1))


@given(st.binary(max_size=200))
def test_no_outside_makes_it_fail_otherwise(rest: bytes) -> None:
    with pytest.raises(ControllerError):
        parse(b"dingli-controller-export 1\n" + rest).open(KEY)
