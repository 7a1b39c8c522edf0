"""What a member says, and the command or refusal that follows (docs/protocol.md, section 11)."""

import pytest
from dingli_gateway.framing import Framer, Message
from dingli_gateway.inbound import Draft, LogonRequest, Names, Verdict, judge, logon_request
from dingli_gateway.wire import Kind, string

NAMES = Names(b"M1", b"alpha")
NOW_NS = 1_795_255_200_000_000_000  # 2026-11-21T10:00:00Z
HEAD = "49=M1|56=alpha|34=5|52=20261121-10:00:00.000|"
ORDER = "11=A1|55=WIDGET|54=1|38=100|40=2|44=12.5|59=0|60=20261121-10:00:00|"


def message(text: str, begin: str = "FIX.4.4") -> Message:
    body = text.replace("|", "\x01").encode("latin-1")
    head = b"8=%b\x019=%d\x01%b" % (begin.encode(), len(body), body)
    framer = Framer(8192)
    framer.feed(b"%b10=%03d\x01" % (head, sum(head) % 256))
    found = framer.take()
    assert found is not None
    return found


def judged(text: str, expected: int = 5, begin: str = "FIX.4.4") -> Verdict:
    return judge(message(text, begin), NAMES, expected, NOW_NS)


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


COMMANDS = {
    f"35=D|{HEAD}{ORDER}": (
        Kind.NEW_ORDER_SINGLE,
        string(b"A1") + string(b"") + string(b"WIDGET") + b"120" + number(125_000, 8) + number(100, 8),
    ),
    f"35=D|{HEAD}1=ACC|11=A2|55=W|54=2|38=7.0|40=1|60=20261121-10:00:00.123|": (
        Kind.NEW_ORDER_SINGLE,
        string(b"A2") + string(b"ACC") + string(b"W") + b"210" + number(0, 8) + number(7, 8),
    ),
    f"35=F|{HEAD}11=C1|41=A1|55=W|54=1|60=20261121-10:00:00|": (
        Kind.ORDER_CANCEL_REQUEST,
        string(b"C1") + string(b"A1") + string(b"W") + b"1",
    ),
    f"35=AF|{HEAD}584=S1|585=7|": (Kind.ORDER_MASS_STATUS_REQUEST, string(b"S1")),
    f"35=0|{HEAD}112=x|": (Kind.HEARTBEAT, b""),
    f"35=1|{HEAD}112=hello|": (Kind.TEST_REQUEST, string(b"hello")),
    f"35=2|{HEAD}7=3|16=0|": (Kind.RESEND_REQUEST, number(3, 8) + number(0, 8)),
    f"35=3|{HEAD}45=3|": (Kind.REJECT, b""),
    f"35=j|{HEAD}45=3|372=8|380=3|": (Kind.REJECT, b""),
    f"35=4|{HEAD}123=Y|36=9|": (Kind.SEQUENCE_RESET, b"\x01" + number(9, 8)),
    f"35=4|{HEAD}36=9|": (Kind.SEQUENCE_RESET, b"\x00" + number(9, 8)),
    f"35=5|{HEAD}58=good bye|": (Kind.LOGOUT, string(b"good bye")),
    f"35=G|{HEAD}11=A9|": (
        Kind.UNSUPPORTED,
        string(b"G") + string(b"A9") + number(3, 2) + string(b"message type not supported"),
    ),
}


@pytest.mark.parametrize(("text", "command"), COMMANDS.items())
def test_a_supported_message_is_one_command(text: str, command: tuple[Kind, bytes]) -> None:
    verdict = judged(text)
    assert verdict.drafts == (Draft(command[0], 5, 0, command[1]),)
    assert verdict.expected == (9 if command[0] is Kind.SEQUENCE_RESET else 6)
    assert not verdict.closing


INVALID = {
    "ClOrdID missing": (f"35=D|{HEAD}{ORDER}".replace("11=A1|", ""), 1, 11),
    "limit order without a price": (f"35=D|{HEAD}{ORDER}".replace("44=12.5|", ""), 1, 44),
    "ClOrdID without a value": (f"35=D|{HEAD}{ORDER}".replace("11=A1|", "11=|"), 4, 11),
    "ClOrdID too long": (f"35=D|{HEAD}{ORDER}".replace("11=A1|", f"11={'x' * 33}|"), 5, 11),
    "ClOrdID not ASCII": (f"35=D|{HEAD}{ORDER}".replace("11=A1|", "11=\xe4|"), 6, 11),
    "quantity twice": (f"35=D|{HEAD}{ORDER}38=5|", 13, 38),
    "quantity not a number": (f"35=D|{HEAD}{ORDER}".replace("38=100", "38=1e2"), 6, 38),
    "quantity not whole": (f"35=D|{HEAD}{ORDER}".replace("38=100", "38=1.5"), 5, 38),
    "quantity negative": (f"35=D|{HEAD}{ORDER}".replace("38=100", "38=-1"), 5, 38),
    "quantity beyond all numbers": (f"35=D|{HEAD}{ORDER}".replace("38=100", "38=" + "9" * 30), 5, 38),
    "price with five decimals": (f"35=D|{HEAD}{ORDER}".replace("12.5", "12.00001"), 5, 44),
    "price of only a point": (f"35=D|{HEAD}{ORDER}".replace("12.5", "."), 6, 44),
    "side unknown to FIX": (f"35=D|{HEAD}{ORDER}".replace("54=1", "54=Z"), 5, 54),
    "time in force unknown to FIX": (f"35=D|{HEAD}{ORDER}".replace("59=0", "59=X"), 5, 59),
    "transaction time malformed": (f"35=D|{HEAD}{ORDER}".replace("60=20261121-10", "60=20261321-10"), 6, 60),
    "sending time missing": ("35=0|49=M1|56=alpha|34=5|", 1, 52),
    "sending time malformed": ("35=0|49=M1|56=alpha|34=5|52=yesterday|", 6, 52),
    "sender missing": ("35=0|56=alpha|34=5|52=20261121-10:00:00|", 1, 49),
    "message type unknown to FIX 4.4": (f"35=ZZ|{HEAD}", 11, 35),
    "possible duplicate without its first time": (f"35=0|{HEAD}43=Y|", 1, 122),
    "possible duplicate neither Y nor N": (f"35=0|{HEAD}43=X|", 5, 43),
    "test request without id": (f"35=1|{HEAD}", 1, 112),
    "resend request malformed": (f"35=2|{HEAD}7=x|16=0|", 6, 7),
    "sequence reset without new number": (f"35=4|{HEAD}123=N|", 1, 36),
    "mass status of something else": (f"35=AF|{HEAD}584=S1|585=1|", 5, 585),
    "second logon": (f"35=A|{HEAD}98=0|108=30|", 99, 0),
    "a field that is none": (f"35=0|{HEAD}nonsense|", 0, 0),
}


@pytest.mark.parametrize(("text", "reason", "tag"), INVALID.values(), ids=INVALID.keys())
def test_a_faulty_message_takes_its_number_and_is_rejected(text: str, reason: int, tag: int) -> None:
    verdict = judged(text)
    (draft,) = verdict.drafts
    ref_type_length = draft.body[0]
    assert (draft.kind, draft.in_seq) == (Kind.INVALID, 5)
    assert draft.body[1 + ref_type_length : 7 + ref_type_length] == number(tag, 4) + number(reason, 2)
    assert (verdict.expected, verdict.closing) == (6, False)


LOGOUTS = {
    "number too low": (
        "35=0|49=M1|56=alpha|34=4|52=20261121-10:00:00|",
        "MsgSeqNum too low, expecting 5 but received 4",
    ),
    "no number": ("35=0|49=M1|56=alpha|52=20261121-10:00:00|", "MsgSeqNum missing"),
    "number not a number": ("35=0|49=M1|56=alpha|34=x|52=20261121-10:00:00|", "MsgSeqNum missing"),
}


@pytest.mark.parametrize(("text", "reason"), LOGOUTS.values(), ids=LOGOUTS.keys())
def test_a_hopeless_message_logs_the_session_out(text: str, reason: str) -> None:
    verdict = judged(text)
    assert verdict == Verdict((Draft(Kind.LOGOUT_DUE, 0, 0, string(reason.encode())),), 5, True)


def test_another_version_of_fix_logs_the_session_out() -> None:
    assert judged(f"35=0|{HEAD}", begin="FIX.4.2").drafts[0].body == string(b"Incorrect BeginString")


@pytest.mark.parametrize(
    ("text", "reason", "logout"),
    [
        (f"35=0|{HEAD}".replace("49=M1", "49=M2"), 9, b"CompID problem"),
        (f"35=0|{HEAD}".replace("56=alpha", "56=beta"), 9, b"CompID problem"),
        (f"35=0|{HEAD}".replace("10:00:00", "10:02:01"), 10, b"SendingTime accuracy problem"),
        (f"35=0|{HEAD}".replace("10:00:00", "09:57:59"), 10, b"SendingTime accuracy problem"),
    ],
)
def test_a_wrong_name_or_time_is_rejected_and_logged_out(text: str, reason: int, logout: bytes) -> None:
    verdict = judged(text)
    assert [draft.kind for draft in verdict.drafts] == [Kind.INVALID, Kind.LOGOUT_DUE]
    assert verdict.drafts[0].body[6:8] == number(reason, 2)
    assert verdict.drafts[1].body == string(logout)
    assert verdict.closing


def test_an_old_number_marked_as_duplicate_is_ignored() -> None:
    assert judged(f"35=D|{HEAD}43=Y|122=20261121-09:00:00|{ORDER}", expected=6) == Verdict((), 6)


def test_a_gap_is_submitted_and_the_expectation_stays() -> None:
    verdict = judged(f"35=0|{HEAD}", expected=3)
    assert (verdict.drafts[0].in_seq, verdict.expected) == (5, 3)


def test_a_reset_counts_whatever_its_own_number_is() -> None:
    verdict = judged(f"35=4|{HEAD}36=40|", expected=30)
    assert (verdict.drafts[0].kind, verdict.expected) == (Kind.SEQUENCE_RESET, 40)


def test_marks_of_repetition_travel_with_the_command() -> None:
    assert judged(f"35=D|{HEAD}43=Y|97=Y|122=20261121-09:00:00|{ORDER}").drafts[0].flags == 3


LOGON = "35=A|49=M1|56=alpha|34=1|52=20261121-10:00:00|98=0|108=30|553=M1|554=secret|"


def asked(text: str, begin: str = "FIX.4.4") -> LogonRequest | str:
    return logon_request(message(text, begin), b"alpha", NOW_NS)


def test_a_logon_carries_heartbeat_and_reset() -> None:
    request = asked(LOGON + "141=Y|")
    assert isinstance(request, LogonRequest)
    assert (request.session, request.password) == (b"M1", b"secret")
    assert request.draft == Draft(Kind.LOGON, 1, 0, b"\x00\x1e\x01")


@pytest.mark.parametrize(
    "text",
    [
        LOGON.replace("35=A", "35=0"),
        LOGON.replace("56=alpha", "56=beta"),
        LOGON.replace("553=M1", "553=M2"),
        LOGON.replace("554=secret|", ""),
        LOGON.replace("108=30", "108=0"),
        LOGON.replace("108=30", "108=301"),
        LOGON.replace("98=0", "98=1"),
        LOGON.replace("34=1", "34=2") + "141=Y|",
        LOGON.replace("10:00:00", "11:00:00"),
        LOGON.replace("34=1|", ""),
    ],
)
def test_a_first_message_that_is_no_proper_logon_closes_the_connection(text: str) -> None:
    assert isinstance(asked(text), str)


def test_a_logon_of_another_version_closes_the_connection() -> None:
    assert isinstance(asked(LOGON, "FIX.4.2"), str)
