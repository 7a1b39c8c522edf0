"""What a hostile or broken member may send: valid FIX messages, changed in every way that comes to mind."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Mutator", "frame"]

Fields = list[tuple[bytes, bytes]]
SOH = b"\x01"
TAGS = [b"0", b"-1", b"+11", b"011", b"4294967296", b"99999999999999999999", b"x", b"", b" 11", b"11 ", b"1.1", b"\xff"]
VALUES = [
    b"", b"0", b"-1", b"00", b"1", b"Y", b"N", b"=", b"A=B", b"0.00001", b"1e9", b"NaN", b"-0", b".", b"1.", b".5",
    b"+5", b"9" * 12, b"9" * 19, b"9" * 20, b"9" * 400, b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"4294967295", b"4294967296", b"\x00", b"\x7f", b"\x80\xff", "ä".encode(), b"a" * 33,
    b"a" * 300, b"x" * 3000, b" ", b"\t", b"20261340-25:61:61", b"20260101-00:00:00.0000000001",
    b"00010101-00:00:00", b"99991231-23:59:60", b"\xd9\xa1",
]  # fmt: skip
TYPES = [b"", *b"0 1 2 3 4 8 A D F G AF j BZ ZZZZZZZZ \xff = 35".split()]
READ = [
    *b"35 49 56 34 43 97 52 122 98 108 141 112 7 16 36 123 58 11 41 1 55 54 40 59 44 38 60 584 585".split(),
    *b"95 96 354 355 212 213".split(),
]


def frame(fields: Fields, begin: bytes = b"FIX.4.4") -> bytes:
    """A message whose length and checksum are right, whatever its fields are."""
    body = b"".join(tag + b"=" + value + SOH for tag, value in fields)
    head = b"8=" + begin + SOH + b"9=%d" % len(body) + SOH + body
    return head + b"10=%03d" % (sum(head) % 256) + SOH


def _now() -> bytes:
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3].encode()


@dataclass
class Mutator:
    """Makes messages of one session. All choices come from `source`, so that its seed makes them again."""

    source: random.Random
    session: bytes
    cell: bytes
    seq: int = 1
    made: int = 0

    def header(self, msg_type: bytes) -> Fields:
        number = b"%d" % self.seq
        self.seq += 1
        return [(b"35", msg_type), (b"49", self.session), (b"56", self.cell), (b"34", number), (b"52", _now())]

    def valid(self) -> Fields:
        """A message as a member's engine would send it."""
        self.made += 1
        name, pick = b"%d" % self.made, self.source
        order = [
            (b"11", name), (b"55", pick.choice([b"WIDGET", b"NONE"])), (b"54", pick.choice([b"1", b"2"])),
            (b"38", b"%d" % pick.randrange(1, 50)), (b"40", pick.choice([b"1", b"2"])),
            (b"44", b"%d" % pick.randrange(1, 900)), (b"59", pick.choice([b"0", b"3", b"3"])), (b"60", _now()),
        ]  # fmt: skip
        old = b"%d" % pick.randrange(1, self.made + 1)
        cancel = [(b"11", b"c" + name), (b"41", old), (b"55", b"WIDGET"), (b"54", b"1"), (b"60", _now())]
        kinds: list[tuple[bytes, Fields, int]] = [
            (b"D", order, 8), (b"F", cancel, 4), (b"0", [], 1), (b"1", [(b"112", name)], 1),
            (b"2", [(b"7", b"%d" % max(1, self.seq - 20)), (b"16", b"0")], 1),
            (b"4", [(b"123", b"Y"), (b"36", b"%d" % (self.seq + 1))], 1), (b"AF", [(b"584", name), (b"585", b"7")], 1),
            (b"3", [(b"45", b"1")], 1), (b"B", [(b"148", b"news")], 1),
        ]  # fmt: skip
        msg_type, body, _ = pick.choices(kinds, weights=[weight for _, _, weight in kinds])[0]
        return [*self.header(msg_type), *body]

    def logon(self) -> Fields:
        """A fresh start."""
        self.seq = 1
        login = [(b"98", b"0"), (b"108", b"60"), (b"553", self.session), (b"554", b"correct horse"), (b"141", b"Y")]
        return [*self.header(b"A"), *login]

    def resynchronised(self) -> bytes:
        """Numbers begin anew beyond whatever has become of them, so that what follows is executed again."""
        self.seq += 50
        jump = [(b"123", b"N"), (b"36", b"%d" % self.seq)]
        message = frame([*self.header(b"4"), *jump])
        self.seq -= 1
        return message

    def mutated(self) -> bytes:
        """A valid message, changed; most stay whole as frames, so that what is inside is read."""
        fields, pick = self.valid(), self.source
        if pick.random() < 0.6:
            for _ in range(pick.choice([1, 1, 1, 2, 4])):
                pick.choice(_FIELD_CHANGES)(pick, fields)
            return frame(fields)
        return pick.choice(_BYTE_CHANGES)(pick, frame(fields))

    def fatal(self) -> bytes:
        """What ends a connection at once."""
        pick = self.source
        return pick.choice(
            [
                b"8=FIX.4.4" + SOH + b"9=99999999" + SOH,
                b"8=FIX.4.4" + SOH + b"9=9000" + SOH + b"x" * 9100,
                frame(self.valid(), pick.choice([b"FIX.4.2", b"", b"X" * 40])),
                frame([*self.header(b"5"), (b"58", pick.choice(VALUES).replace(SOH, b""))]),
                frame([(b"35", b"0"), (b"49", b"M3"), (b"56", self.cell), (b"34", b"%d" % self.seq), (b"52", _now())]),
                frame([(b"35", b"0"), (b"49", self.session), (b"56", self.cell), (b"34", b"1"), (b"52", _now())]),
                frame([(b"35", b"0"), (b"49", self.session), (b"56", self.cell), (b"52", _now())]),
            ]
        )


def _changeable(fields: Fields) -> list[int]:
    """Mostly not what ends the connection when it is wrong: `fatal` tries that."""
    return [at for at, (tag, _) in enumerate(fields) if tag not in (b"34", b"49", b"56", b"52")] or [0]


def _some_tag(pick: random.Random) -> bytes:
    return pick.choice([*TAGS, *READ] if pick.random() < 0.02 else [*TAGS, *READ[4:]])


def _drop(pick: random.Random, fields: Fields) -> None:
    del fields[pick.choice(_changeable(fields))]


def _again(pick: random.Random, fields: Fields) -> None:
    fields.insert(pick.randrange(1, len(fields) + 1), pick.choice(fields))


def _value(pick: random.Random, fields: Fields) -> None:
    at = pick.choice(_changeable(fields))
    fields[at] = (fields[at][0], pick.choice(VALUES))


def _tag(pick: random.Random, fields: Fields) -> None:
    at = pick.choice(_changeable(fields))
    fields[at] = (_some_tag(pick), fields[at][1])


def _order(pick: random.Random, fields: Fields) -> None:
    first, *rest = fields
    pick.shuffle(rest)
    fields[:] = [first, *rest] if pick.random() < 0.9 else [*rest, first]


def _more(pick: random.Random, fields: Fields) -> None:
    fields.insert(pick.randrange(1, len(fields) + 1), (_some_tag(pick), pick.choice(VALUES)))


def _data(pick: random.Random, fields: Fields) -> None:
    """A data field may hold any byte; its length may lie."""
    data = pick.randbytes(pick.randrange(20))
    length = pick.choice([len(data), len(data) + 1, max(0, len(data) - 1), 0, 5000, 10**9, -1])
    size_tag, data_tag = pick.choice([(b"95", b"96"), (b"354", b"355"), (b"212", b"213"), (b"93", b"89")])
    fields += [(size_tag, b"%d" % length), (data_tag, data)]


def _type(pick: random.Random, fields: Fields) -> None:
    fields[0] = (b"35", pick.choice(TYPES))


def _many(pick: random.Random, fields: Fields) -> None:
    fields += [(b"453", b"1")] * pick.choice([10, 300])


_FIELD_CHANGES: list[Callable[[random.Random, Fields], None]] = [
    _drop, _again, _value, _value, _tag, _order, _more, _data, _type, _many
]  # fmt: skip


def _flip(pick: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(pick.choice([1, 1, 2, 8])):
        changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
    return bytes(changed)


def _cut(pick: random.Random, raw: bytes) -> bytes:
    return raw[: pick.randrange(len(raw))]


def _insert(pick: random.Random, raw: bytes) -> bytes:
    at = pick.randrange(len(raw))
    return (
        raw[:at]
        + pick.choice([SOH, SOH * 3, b"\x00" * 5, b"8=FIX.4.4\x01", b"10=000\x01", pick.randbytes(9)])
        + raw[at:]
    )


def _length(pick: random.Random, raw: bytes) -> bytes:
    begin, _, rest = raw.partition(b"\x019=")
    given, _, body = rest.partition(SOH)
    lies = [
        b"%d" % (int(given) + 1),
        b"%d" % (int(given) - 1),
        b"0",
        b"-5",
        b"",
        b"x",
        b"1" * 8,
        b"00000050",
        b"\xd9\xa1",
    ]
    # A length beyond what comes makes a message of the next ones; one beyond all limits ends the connection.
    lie = pick.choice(lies)
    return begin + b"\x019=" + (b"0001" if lie == b"1" * 8 else lie) + SOH + body


def _checksum(pick: random.Random, raw: bytes) -> bytes:
    return raw[:-4] + pick.choice([b"000", b"999", b"1", b"0000", b"", b"x10", b"25 "]) + raw[-1:]


def _twice(pick: random.Random, raw: bytes) -> bytes:
    return raw[: pick.randrange(len(raw))] + raw


def _garbage(pick: random.Random, raw: bytes) -> bytes:
    return pick.randbytes(pick.randrange(1, 200))


_BYTE_CHANGES: list[Callable[[random.Random, bytes], bytes]] = [
    _flip,
    _flip,
    _cut,
    _insert,
    _length,
    _checksum,
    _twice,
    _garbage,
]
