"""Events leave strictly by number; a resend goes first, and what comes meanwhile waits behind it."""

import pytest
from dingli_gateway.outbound import Envelope
from dingli_gateway.outflow import PAGE, Outflow
from dingli_gateway.wire import Event, EventType, StoredEvent, decode_event, string

HEARTBEAT = string(b"")
CANCEL_REJECT = string(b"NONE") + string(b"C") + string(b"A") + b"8" + b"\x00\x01" + string(b"")


def event(kind: int, out_seq: int, body: bytes = HEARTBEAT) -> Event:
    return decode_event(bytes([kind]) + string(b"M1") + (5).to_bytes(8, "big") + out_seq.to_bytes(8, "big") + body)


def logon(out_seq: int) -> Event:
    return event(EventType.LOGON, out_seq, b"\x00\x1e\x00")


def resend(begin: int, end: int) -> Event:
    return event(EventType.RESEND, 0, begin.to_bytes(8, "big") + end.to_bytes(8, "big"))


class Recorder:
    """An Outflow, what it wrote as (type, number, new number of a gap fill), and what it asked for."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, int]] = []
        self.asked: list[tuple[int, int]] = []
        self.flow = Outflow(Envelope(b"alpha", b"M1"), self._write, lambda begin, end: self.asked.append((begin, end)))

    def _write(self, message: bytes, _event_type: int) -> None:
        fields = dict(part.split(b"=", 1) for part in message.split(b"\x01")[:-1])
        self.written.append((fields[b"35"].decode(), int(fields[b"34"]), int(fields.get(b"36", b"0"))))

    def events(self, *events: Event) -> None:
        for one in events:
            self.flow.event(one, 1, 2)

    def stored(self, *events: Event) -> None:
        self.flow.stored([StoredEvent(1, 1, one) for one in events], 2)


@pytest.fixture
def recorder() -> Recorder:
    recorder = Recorder()
    recorder.events(logon(7))
    recorder.written.clear()
    return recorder


def test_numbers_start_with_the_logon_and_repeats_are_dropped(recorder: Recorder) -> None:
    recorder.events(event(EventType.HEARTBEAT, 8), event(EventType.HEARTBEAT, 8), logon(7))
    assert recorder.written == [("0", 8, 0)]
    assert recorder.flow.last_out == 8


def test_numbers_that_went_to_another_connection_are_filled_before_what_follows(recorder: Recorder) -> None:
    recorder.events(event(EventType.HEARTBEAT, 9), event(EventType.HEARTBEAT, 10))
    assert (recorder.asked, recorder.written) == ([(8, 8)], [])
    recorder.stored(event(EventType.LOGOUT, 8))
    recorder.stored()
    assert recorder.written == [("4", 8, 9), ("0", 9, 0), ("0", 10, 0)]


def test_a_resend_repeats_application_messages_and_fills_the_runs_between(recorder: Recorder) -> None:
    recorder.events(resend(1, 7), event(EventType.HEARTBEAT, 8))
    assert (recorder.asked, recorder.written) == ([(1, 7)], [])
    recorder.stored(logon(1), event(EventType.HEARTBEAT, 2), event(EventType.CANCEL_REJECT, 3, CANCEL_REJECT))
    recorder.stored(event(EventType.CANCEL_REJECT, 4, CANCEL_REJECT), event(EventType.HEARTBEAT, 5))
    recorder.stored()
    assert recorder.written == [("4", 1, 3), ("9", 3, 0), ("9", 4, 0), ("4", 5, 8), ("0", 8, 0)]


def test_a_second_resend_waits_for_the_first(recorder: Recorder) -> None:
    recorder.events(resend(1, 2), resend(2, 2))
    recorder.stored()
    assert recorder.asked == [(1, 2), (2, 2)]
    recorder.stored()
    assert recorder.written == [("4", 1, 3), ("4", 2, 3)]


def test_a_long_resend_comes_in_pages_and_fills_a_run_across_them_once(recorder: Recorder) -> None:
    recorder.events(resend(1, PAGE + 2))
    recorder.stored()
    recorder.stored(event(EventType.CANCEL_REJECT, PAGE + 2, CANCEL_REJECT))
    recorder.stored()
    assert recorder.asked == [(1, PAGE), (PAGE + 1, PAGE + 2)]
    assert recorder.written == [("4", 1, PAGE + 2), ("9", PAGE + 2, 0)]


def test_a_page_lost_with_its_link_is_asked_for_again_and_nothing_is_sent_twice(recorder: Recorder) -> None:
    recorder.events(resend(1, 3))
    recorder.stored(event(EventType.CANCEL_REJECT, 1, CANCEL_REJECT))
    recorder.flow.link_restored()
    recorder.stored(*(event(EventType.CANCEL_REJECT, number, CANCEL_REJECT) for number in (1, 2, 3)))
    recorder.stored()
    assert recorder.asked == [(1, 3), (1, 3)]
    assert recorder.written == [("9", 1, 0), ("9", 2, 0), ("9", 3, 0)]


def test_no_further_page_is_asked_for_while_the_member_does_not_read(recorder: Recorder) -> None:
    recorder.events(resend(1, PAGE + 1))
    recorder.flow.congestion(True)
    recorder.stored()
    assert recorder.asked == [(1, PAGE)]
    recorder.flow.congestion(False)
    assert recorder.asked == [(1, PAGE), (PAGE + 1, PAGE + 1)]
