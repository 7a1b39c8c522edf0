"""A frame that one core takes, the other takes too: which core leads must make no difference to a gateway."""

from __future__ import annotations

import random

import pytest
from dingli_core.exceptions import DecodingError
from dingli_core.frames import check_frame
from dingli_minicore.exceptions import MalformedError
from dingli_minicore.frames import parse

from tests.conftest import Fuzz
from tests.live.hardness.test_core_port_fuzz import FrameFuzzer

pytestmark = pytest.mark.slow

HELLO = 1


def taken_by_main(frame: bytes) -> bool:
    try:
        check_frame(frame[0], frame[1:])
    except DecodingError:
        return False
    return True


def taken_by_minimal(frame: bytes) -> bool:
    try:
        parse(frame)
    except MalformedError:
        return False
    return True


def changed(source: random.Random, fuzzer: FrameFuzzer) -> bytes:
    begun = bytes([HELLO]) + fuzzer.hello() if source.random() < 0.1 else fuzzer.frame()[4:]
    frame = bytearray(begun)
    for _ in range(source.choice([0, 1, 1, 2])):
        at = source.randrange(len(frame) + 1)
        frame[at : at + source.choice([0, 1, 1, 1, 4])] = source.randbytes(source.choice([0, 1, 1, 1, 40]))
    return bytes(frame) or b"\0"


def test_ten_thousand_changed_frames_are_taken_by_both_cores_or_by_none(fuzz: Fuzz) -> None:
    source = fuzz.random(0)
    fuzzer, taken = FrameFuzzer(source), 0
    for case in fuzz.cases(10_000):
        frame = changed(source, fuzzer)
        with fuzz.naming(case, frame.hex()):
            by_main = taken_by_main(frame)
            assert by_main == taken_by_minimal(frame)
        taken += by_main
    assert 0.1 < taken / len(fuzz.cases(10_000)) < 0.9
