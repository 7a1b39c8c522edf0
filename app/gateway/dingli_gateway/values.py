"""FIX values read strictly: each function gives the value or raises Bad with the reason for the member."""

import calendar
import time
from functools import lru_cache

from dingli_gateway.framing import Message
from dingli_gateway.wire import MAX_NUMBER

__all__ = ["Bad", "number", "one_of", "optional", "price", "quantity", "required", "sending_time", "text"]

REQUIRED_MISSING, BAD_VALUE, BAD_FORMAT = 1, 5, 6
_PRICE_DECIMALS = 4
_POWERS = (10_000, 1_000, 100, 10, 1)  # by the number of decimals given
_PLAIN_DIGITS = 12  # up to here nothing can be out of range


class Bad(Exception):
    """A field that cannot be taken: SessionRejectReason (373), the tag (371) and a text (58)."""

    def __init__(self, reason: int, tag: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.tag = tag
        self.text = text


def required(message: Message, tag: bytes) -> bytes:
    """The raw value; Bad 1 without the tag."""
    value = message.fields.get(tag)
    if value is None:
        raise Bad(REQUIRED_MISSING, int(tag), "required tag missing")
    return value


def text(message: Message, tag: bytes, longest: int) -> bytes:
    """A required text of printable ASCII, at most so many bytes."""
    return _checked(required(message, tag), tag, longest)


def optional(message: Message, tag: bytes, longest: int) -> bytes:
    """The same, empty where the tag is absent."""
    value = message.fields.get(tag)
    return b"" if value is None else _checked(value, tag, longest)


def _checked(value: bytes, tag: bytes, longest: int) -> bytes:
    if len(value) > longest:
        raise Bad(BAD_VALUE, int(tag), f"longer than {longest} characters")
    if not value.isascii():
        raise Bad(BAD_FORMAT, int(tag), "not ASCII")
    return value


def printable(value: bytes, longest: int) -> bytes:
    """A text that only informs: cut, and made printable."""
    return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in value[:longest])


def number(message: Message, tag: bytes) -> int:
    """A required whole number from 0 up to the largest sequence number."""
    value = required(message, tag)
    if not value.isdigit():
        raise Bad(BAD_FORMAT, int(tag), "not a whole number")
    if len(value) > 19 or int(value) > MAX_NUMBER:
        raise Bad(BAD_VALUE, int(tag), "number too large")
    return int(value)


def one_of(message: Message, tag: bytes, allowed: bytes) -> bytes:
    """A required single character that FIX 4.4 knows for this tag."""
    value = required(message, tag)
    if len(value) != 1 or value not in allowed:
        raise Bad(BAD_VALUE, int(tag), "value unknown to FIX 4.4")
    return value


def quantity(message: Message, tag: bytes) -> int:
    """A required whole quantity; `100.0` is 100, `100.5` is refused."""
    value = required(message, tag)
    if value.isdigit() and len(value) < _PLAIN_DIGITS:
        return int(value)
    whole, point, fraction = value.partition(b".")
    return _scaled(tag, whole, point, fraction, 0)


def price(message: Message, tag: bytes) -> int:
    """A required price in 1/10,000."""
    whole, point, fraction = required(message, tag).partition(b".")
    if whole.isdigit() and len(whole) < _PLAIN_DIGITS and len(fraction) <= _PRICE_DECIMALS:
        if not point:
            return int(whole) * _POWERS[0]
        if fraction.isdigit():
            return int(whole + fraction) * _POWERS[len(fraction)]
    return _scaled(tag, whole, point, fraction, _PRICE_DECIMALS)


def _scaled(tag: bytes, whole: bytes, point: bytes, fraction: bytes, decimals: int) -> int:
    negative = whole.startswith(b"-")
    whole = whole[1:] if negative else whole
    digits = whole + fraction
    if not digits.isdigit() or (point and not whole and not fraction):
        raise Bad(BAD_FORMAT, int(tag), "not a decimal number")
    kept, rest = fraction[:decimals], fraction[decimals:]
    if rest.strip(b"0"):
        raise Bad(BAD_VALUE, int(tag), f"more than {decimals} decimals" if decimals else "not a whole number")
    scaled = int(whole.lstrip(b"0")[:40] + kept.ljust(decimals, b"0") or b"0")
    if (negative and scaled) or scaled > MAX_NUMBER:
        raise Bad(BAD_VALUE, int(tag), "value out of range")
    return scaled


_POINT = 0x2E


@lru_cache(maxsize=64)
def _second(stamp: bytes) -> int | None:
    try:
        return calendar.timegm(time.strptime(stamp.decode(), "%Y%m%d-%H:%M:%S"))
    except ValueError:  # not ASCII, not digits, or no such day
        return None


def sending_time(message: Message, tag: bytes) -> int:
    """A required UTCTimestamp in ns since 1970; seconds or fractions of up to nine digits."""
    value = required(message, tag)
    seconds = _second(value[:17])
    if seconds is None or (len(value) > 17 and not (value[17] == _POINT and value[18:].isdigit() and len(value) < 28)):
        raise Bad(BAD_FORMAT, int(tag), "not a UTC timestamp")
    return seconds * 1_000_000_000 + int(value[18:].ljust(9, b"0") or b"0")
