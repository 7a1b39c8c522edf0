"""Whatever commands come, the machine keeps its promises, and every command survives its encoding."""

from collections import defaultdict

from dingli_core import commands as kinds
from dingli_core.commands import (
    Body,
    Cancel,
    Command,
    Configure,
    EpochStart,
    Instrument,
    Invalid,
    Logon,
    NewOrder,
    ResendRequest,
    SequenceReset,
    SessionCommand,
    Text,
    Tick,
    Unsupported,
    decode_command,
    encode_command,
)
from dingli_core.entry import Entry, decode_entry, encode_entry
from dingli_core.machine import Machine
from dingli_core.state import Order
from hypothesis import given, settings
from hypothesis import strategies as st

START_NS = 1_790_000_000_000_000_000
CONFIGURE = Configure(kinds.CONFIGURE, 0, 1, 5_000, (Instrument("AB", 10, 1_000, 10, 1_000),))


def printable(limit: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=limit)


U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
CHAR = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
NAME = st.from_regex(r"\A[A-Za-z0-9_-]{1,16}\Z")
TEXT = st.builds(Text, printable(96))
ID = st.builds(Text, printable(32))

ANY_BODY: dict[int, st.SearchStrategy[Body]] = {
    kinds.LOGON: st.builds(Logon, U16, st.integers(0, 1)),
    kinds.LOGOUT: TEXT,
    kinds.HEARTBEAT: st.none(),
    kinds.TEST_REQUEST: ID,
    kinds.RESEND_REQUEST: st.builds(ResendRequest, U64, U64),
    kinds.SEQUENCE_RESET: st.builds(SequenceReset, st.integers(0, 1), U64),
    kinds.REJECT: st.none(),
    kinds.NEW_ORDER: st.builds(NewOrder, printable(32), printable(16), printable(16), CHAR, CHAR, CHAR, U64, U64),
    kinds.CANCEL: st.builds(Cancel, printable(32), printable(32), printable(16), CHAR),
    kinds.MASS_STATUS: ID,
    kinds.INVALID: st.builds(Invalid, printable(4), U32, U16, printable(96)),
    kinds.UNSUPPORTED: st.builds(Unsupported, printable(4), printable(32), U16, printable(96)),
    kinds.HEARTBEAT_DUE: st.none(),
    kinds.TEST_REQUEST_DUE: ID,
    kinds.LOGOUT_DUE: TEXT,
    kinds.DISCONNECTED: st.none(),
}


@st.composite
def any_session_command(draw: st.DrawFn) -> SessionCommand:
    kind = draw(st.sampled_from(sorted(ANY_BODY)))
    head = draw(st.tuples(U64, NAME, U64, U64, st.integers(0, 3)))
    return SessionCommand(kind, *head, draw(ANY_BODY[kind]))


INSTRUMENTS = st.lists(st.builds(Instrument, printable(16), U64, U64, U64, U64), max_size=3).map(tuple)
ANY_COMMAND: st.SearchStrategy[Command] = st.one_of(
    any_session_command(),
    st.builds(EpochStart, st.just(kinds.EPOCH_START), U64, printable(64)),
    st.builds(Tick, st.just(kinds.TICK), U64),
    st.builds(Configure, st.just(kinds.CONFIGURE), U64, U32, U32, INSTRUMENTS),
)

IDS = st.sampled_from([f"C{number}" for number in range(12)])
LIKELY_ORDER = st.builds(
    NewOrder,
    IDS,
    st.just(""),
    st.sampled_from(["AB", "AB", "AB", "XX"]),
    st.sampled_from("121212" + "9"),
    st.sampled_from("1222"),
    st.sampled_from("0003"),
    st.sampled_from([90, 100, 110, 105, 5_000]),
    st.sampled_from([1, 5, 7, 0, 5_000]),
)
LIKELY_CANCEL = st.builds(Cancel, IDS, IDS, st.just("AB"), st.sampled_from("12"))


@st.composite
def likely_stream(draw: st.DrawFn) -> list[SessionCommand]:
    """Sessions whose numbers mostly fit, so that orders are reached; now and then anything at all."""
    stream: list[SessionCommand] = []
    numbers: dict[str, int] = defaultdict(lambda: 1)
    for name in ("M1", "M2"):
        stream.append(SessionCommand(kinds.LOGON, START_NS, name, 1, 1, 0, Logon(30, 0)))
    for _ in range(draw(st.integers(1, 30))):
        name = draw(st.sampled_from(["M1", "M2"]))
        numbers[name] += 1
        kind = draw(st.sampled_from([kinds.NEW_ORDER] * 5 + [kinds.CANCEL] * 2 + sorted(ANY_BODY)))
        likely: dict[int, st.SearchStrategy[Body]] = {kinds.NEW_ORDER: LIKELY_ORDER, kinds.CANCEL: LIKELY_CANCEL}
        body: Body = draw(likely[kind] if kind in likely else ANY_BODY[kind])
        skip = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 1, -1]))
        stream.append(
            SessionCommand(kind, START_NS, name, 1, max(numbers[name] + skip, 0), draw(st.integers(0, 3)), body)
        )
    return stream


def run(stream: list[SessionCommand], batch: int) -> Machine:
    machine = Machine("alpha")
    pending: list[Command] = [EpochStart(kinds.EPOCH_START, 0, "x/main"), CONFIGURE, *stream]
    for start in range(0, len(pending), batch):
        encoded = tuple(encode_command(command) for command in pending[start : start + batch])
        n = machine.head + 1
        entry = Entry(1, 7, n, bytes(16), START_NS + n, machine.hash, encoded)
        machine.apply(entry, encode_entry(entry))
    return machine


@given(ANY_COMMAND)
def test_every_command_survives_its_encoding(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), U64, st.binary(min_size=32, max_size=32))
def test_every_entry_survives_its_encoding(commands: list[bytes], time: int, previous: bytes) -> None:
    entry = Entry(1, 2, 3, b"b" * 16, time, previous, tuple(commands))
    assert decode_entry(encode_entry(entry)) == entry


@settings(max_examples=60, deadline=None)
@given(likely_stream(), st.integers(1, 7))
def test_orders_and_books_stay_consistent(stream: list[SessionCommand], batch: int) -> None:
    machine = run(stream, batch)
    bought = sold = 0
    open_orders: list[Order] = []
    for session in machine.sessions.by_name.values():
        assert len(session.stored) == session.next_out - 1
        orders = [order for order in session.known.values() if order is not None]
        assert list(session.open_orders.values()) == [order for order in orders if order.leaves]
        for order in orders:
            assert 0 <= order.cum + order.leaves <= order.quantity
            assert (order.leaves > 0) == (order.status in "01")
            assert (order.status == "2") == (order.cum == order.quantity and order.cum > 0)
        bought += sum(order.value for order in orders if order.side == "1")
        sold += sum(order.value for order in orders if order.side == "2")
        open_orders += session.open_orders.values()
    assert bought == sold
    for book in machine.orders.books.values():
        buyers, sellers = book.buyers.open_orders(), book.sellers.open_orders()
        assert {id(order) for order in buyers + sellers} <= {id(order) for order in open_orders}
        assert not (buyers and sellers) or buyers[0].price < sellers[0].price


@settings(max_examples=20, deadline=None)
@given(likely_stream())
def test_the_same_entries_give_the_same_hash(stream: list[SessionCommand]) -> None:
    assert run(stream, 3).hash == run(stream, 3).hash
