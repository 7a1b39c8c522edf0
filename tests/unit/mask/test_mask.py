"""A masked copy trades as the original did, and nobody of the original is in it."""

from __future__ import annotations

import gzip
import random
from itertools import islice

import pytest

from dingli.archive import pack
from dingli.archive.segment import NOTHING_BEFORE
from dingli.mask import MaskedCopy, MaskError, Names, mask
from dingli.mask.totals import totals_of, trades_of
from drills.checker.reference import Reference
from drills.checker.state import Executed
from drills.checker.stream import SYMBOLS, Journal, RandomStream, configure, of_core, of_session, order
from drills.checker.wire import Entry, decode_command
from tests.conftest import Fuzz

COMMANDS = 500


def stream(seed: int) -> list[bytes]:
    return list(RandomStream(seed).entries(COMMANDS))


def executed(cell: str, entries: list[bytes]) -> list[Executed]:
    """By the reference, which also says whether each entry carries the right hash."""
    reference, done = Reference(cell), list[Executed]()
    for data in entries:
        assert Entry.decode(data).previous_hash == reference.hash
        done += reference.apply(data)
    return done


def texts(entries: list[bytes]) -> set[str]:
    """Every text in a journal but what may stay: kinds, codes of one letter, instruments."""
    found = set()
    for data in entries:
        for body in Entry.decode(data).commands:
            for field, value in decode_command(body).items():
                if isinstance(value, str) and field not in ("kind", "side", "ord_type", "tif", "ref_msg_type"):
                    found.add(value)
    return found - {"", *SYMBOLS}


def part_of(done: list[Executed], first: int) -> list[Executed]:
    return [one for one in done if one.n >= first]


def assert_same(original: list[bytes], first: int, copy: MaskedCopy) -> None:
    """Totals and trades; and a name in the one stands for the same name in the other, everywhere."""
    before = part_of(executed("alpha", original), first)
    after = part_of(executed(copy.cell, copy.entries), copy.opening + 1)
    trades, masked = trades_of(before), trades_of(after)
    assert totals_of(before, trades) == totals_of(after, masked) == copy.totals
    pairs = {(old, new) for a, b in zip(before, after, strict=True) for old, new in zip(*values(a, b), strict=True)}
    for trade, other in zip(trades, masked, strict=True):
        assert trade[:3] == other[:3]
        pairs |= set(zip(trade.incoming + trade.resting, other.incoming + other.resting, strict=True))
    assert len({old for old, _ in pairs}) == len({new for _, new in pairs}) == len(pairs)
    for a, b in zip(before, after, strict=True):
        same = ("kind", "ingress", "price", "quantity", "side", "ord_type", "tif", "in_seq", "flags", "instruments")
        assert [a.command.get(field) for field in same] == [b.command.get(field) for field in same]
        assert (a.time_ns, a.status, a.next_in) == (b.time_ns, b.status, b.next_in)


def values(a: Executed, b: Executed) -> tuple[list[str], list[str]]:
    names = ("session", "cl_ord_id", "orig_cl_ord_id", "account", "id", "text", "ref_id", "core")
    return tuple([one.command[name] for name in names if name in one.command] for one in (a, b))  # type: ignore[return-value]


def assert_nobody(original: list[bytes], copy: MaskedCopy) -> None:
    """Searches for every original text in every text of the copy, in its bytes, and in the compressed bytes."""
    data = pack(copy.cell, copy.entries, NOTHING_BEFORE)
    content = gzip.decompress(data.split(b"\n", 2)[2])
    found = texts(copy.entries)
    for text in texts(original):
        assert text not in found
        if len(text) >= 3:
            assert not [name for name in found if text in name]
        if len(text) >= 5:  # shorter ones occur in hashes by chance
            assert text.encode() not in content
            assert text.encode() not in data


def test_a_whole_journal(fuzz: Fuzz) -> None:
    for case in fuzz.cases(2):
        with fuzz.naming(case):
            original = stream(fuzz.seed + case)
            copy = mask("alpha", original, 1)
            assert (copy.opening, len(copy.entries)) == (0, len(original))
            assert_same(original, 1, copy)
            assert_nobody(original, copy)


def test_a_part_of_a_journal_trades_as_it_did_in_its_place(fuzz: Fuzz) -> None:
    for case in fuzz.cases(5):
        with fuzz.naming(case):
            original = stream(fuzz.seed + case)
            first = random.Random(case).randint(2, len(original))
            copy = mask("alpha", original, first, as_cell="test")
            assert copy.opening > 0
            assert_same(original, first, copy)
            assert_nobody(original, copy)


def test_two_copies_have_no_name_in_common() -> None:
    original = stream(1)
    first, second = (mask("alpha", original, 1) for _ in range(2))
    assert first.totals == second.totals
    assert not texts(first.entries) & texts(second.entries)
    assert not {Entry.decode(data).batch_id for data in first.entries} & {
        Entry.decode(data).batch_id for data in second.entries
    }


def trading(*commands: tuple[str, str, dict[str, object]]) -> Journal:
    """A journal in which each of these (session, kind, fields) is an entry, behind configuration and logons."""
    journal = Journal()
    journal.append([of_core("EpochStart", core="site-1/main"), configure()])
    sessions = sorted({session for session, _, _ in commands})
    journal.append([of_session("Logon", name, 5, 1, heartbeat_s=30, reset=0) for name in sessions])
    numbers = dict.fromkeys(sessions, 2)
    for session, kind, fields in commands:
        journal.append([of_session(kind, session, 5, numbers[session], **fields)])
        numbers[session] += 1
    return journal


def test_a_part_begins_with_what_rests_and_knows_which_orders_were_there() -> None:
    price = 60_000_000
    journal = trading(
        ("SELLER", "NewOrderSingle", order("first-order", "2", 10, price)),
        ("SELLER", "NewOrderSingle", order("second-order", "2", 10, price)),
        ("BUYER", "NewOrderSingle", order("buyers-order", "1", 4, price, account="house-money")),
        ("BUYER", "NewOrderSingle", order("buyers-other", "1", 9, price, account="house-money")),
        ("BUYER", "NewOrderSingle", order("buyers-order", "1", 9, price)),  # a ClOrdID that was used before
        ("SELLER", "OrderCancelRequest",
         {"cl_ord_id": "c", "orig_cl_ord_id": "second-order", "symbol": "CU2612", "side": "2"}),
        ("BUYER", "NewOrderSingle", order("buyers-last", "1", 9, price)),
    )  # fmt: skip
    copy = mask("alpha", journal.entries, 6)
    done = part_of(executed("alpha", copy.entries), copy.opening + 1)
    assert [(trade.price, trade.quantity) for trade in trades_of(done)] == [(price, 6), (price, 3)]
    assert copy.totals.volume == {"CU2612": 9}
    assert copy.totals.turnover == {"CU2612": 9 * price}
    assert_same(journal.entries, 6, copy)
    assert_nobody(journal.entries, copy)


def test_orders_that_the_present_configuration_would_refuse_are_brought_back() -> None:
    """Another tick, another limit, and an instrument that is gone: its orders rest, and trade with nobody new."""
    journal = trading(
        ("SELLER", "NewOrderSingle", order("at-the-old-tick", "2", 10_000, 60_000_000)),
        ("SELLER", "NewOrderSingle", order("of-what-is-gone", "2", 5, 200_000, symbol="AU2612")),
    )
    for revision in (2, 3):
        changed = configure(revision)
        changed["instruments"] = [changed["instruments"][0] | {"tick": 7_000_000, "max_quantity": 100 * revision}]
        journal.append([changed])
    price = 63_000_000
    journal.append([of_session("NewOrderSingle", "SELLER", 5, 4, **order("refused-now", "2", 1, 60_000_000))])
    journal.append([of_session("Logon", "BUYER", 9, 1, heartbeat_s=5, reset=0)])
    journal.append([of_session("NewOrderSingle", "BUYER", 9, 2, **order("takes-it", "1", 200, price))])
    copy = mask("alpha", journal.entries, 7)
    assert copy.totals.trades == {"CU2612": 1}
    assert_same(journal.entries, 7, copy)
    state = Reference("alpha")
    for data in copy.entries:
        state.apply(data)
    assert sorted((one.symbol, one.leaves) for one in state.open) == [("AU2612", 5), ("CU2612", 9_800)]


def test_what_members_write_into_other_fields_is_masked_too() -> None:
    journal = trading(
        ("M1", "NewOrderSingle", order("x" * 32, "1", 1, 100_000, symbol="MY-BROTHER")),
        ("M1", "Unsupported", {"ref_msg_type": "SPY7", "ref_id": "who-is-this", "reason": 3, "text": "call 555-1234"}),
        ("M1", "Invalid", {"ref_msg_type": "D", "ref_tag": 1, "reason": 5, "text": "account of J. Doe"}),
        ("M1", "TestRequest", {"id": "are-you-there"}),
        ("M1", "OrderMassStatusRequest", {"id": "all-of-mine"}),
        ("M1", "LogoutDue", {"text": "good night M1"}),
    )
    copy = mask("alpha", journal.entries, 1)
    assert_same(journal.entries, 1, copy)
    assert_nobody(journal.entries, copy)
    assert b"SPY7" not in b"".join(copy.entries)
    assert b"\x02D" not in b"".join(copy.entries)
    assert b"\x01D" in b"".join(copy.entries)


def test_new_names_fit_every_field_and_hold_no_original() -> None:
    originals = [a + b + c for a in "BCDFGHJKLM" for b in "BCDFG" for c in "BCDFGHJKLMNPQRSTVWXZ"]
    originals = originals[: len(originals) // 2]
    names = Names(originals, frozenset({"CU2612"}))
    new = [names.of(text) for text in originals]
    assert len(set(new)) == len(originals)
    assert all(len(name) == 16 and name.isalpha() and name.isupper() for name in new)
    assert not {name[at : at + 3] for name in new for at in range(14)} & set(originals)
    assert names.of("") == ""


def test_a_journal_that_cannot_be_executed_is_not_masked() -> None:
    original = stream(2)
    with pytest.raises(MaskError, match="ends before entry"):
        mask("alpha", original, len(original) + 1)
    with pytest.raises(MaskError, match="beginning of cell beta"):
        mask("beta", original, 5)
    with pytest.raises(MaskError, match="does not replay"):
        mask("alpha", islice(original, 3, None), 4)
