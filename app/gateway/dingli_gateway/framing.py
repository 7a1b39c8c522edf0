"""A member's byte stream cut into FIX messages. Garbled bytes are counted and skipped, as FIX 4.4 asks."""

from typing import NamedTuple

from dingli_gateway.exceptions import OversizedError

__all__ = ["Fault", "Framer", "Message"]

SOH = b"\x01"
_ALLOWED = bytes([1, *range(0x20, 0x7F), *range(0x80, 0x100)])
_BEGIN_STRING_LIMIT = 24
_LENGTH_LIMIT = 8
_TRAILER = 7  # 10=nnn and its SOH

# Tags that this gateway reads: given twice they make a message ambiguous. Other tags repeat legally in groups.
_READ_ONCE = frozenset(
    b"8 9 35 49 56 34 43 97 52 122 98 108 553 554 141 112 7 16 36 123 58 11 41 1 55 54 40 59 44 38 60 584 585".split()
)
# A data field may hold any byte, SOH too; its length stands in the field before it.
_DATA_OF = {
    b"95": b"96", b"93": b"89", b"90": b"91", b"212": b"213", b"348": b"349", b"350": b"351", b"352": b"353",
    b"354": b"355", b"356": b"357", b"358": b"359", b"360": b"361", b"362": b"363", b"364": b"365", b"445": b"446",
    b"618": b"619", b"621": b"622",
}  # fmt: skip
_LENGTH_TAGS = frozenset(_DATA_OF)


class Fault(NamedTuple):
    """The first thing wrong with a message's fields: SessionRejectReason (373) and the tag, 0 where there is none."""

    reason: int
    tag: int
    text: str


class Message(NamedTuple):
    """One message with correct length and checksum. Values are raw bytes by tag (`fields[b"11"]`)."""

    begin_string: bytes
    msg_type: bytes
    fields: dict[bytes, bytes]
    fault: Fault | None


class _Garbled(NamedTuple):
    resume_at: int  # -1: unknown, look for the next BeginString


def tag_number(tag: bytes) -> int:
    """The tag as a number that fits the journal's u32, else 0."""
    number = int(tag) if tag.isdigit() and len(tag) <= 10 else 0
    return number if number < 1 << 32 else 0


class Framer:
    """Holds the bytes that are not yet a message; `feed` adds some, `take` gives the next whole message."""

    def __init__(self, max_message_bytes: int) -> None:
        self._limit = max_message_bytes
        self._buffer = b""
        self._at = 0
        self._searching = False
        self.garbled = 0

    def feed(self, data: bytes) -> None:
        """Append what the socket gave."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def take(self) -> Message | None:
        """The next message, or None until more bytes come; raises OversizedError."""
        while True:
            if self._searching and not self._find_begin():
                return None
            result = self._frame()
            if not isinstance(result, _Garbled):
                return result
            self.garbled += 1
            if result.resume_at < 0:
                self._at += 1
                self._searching = True
            else:
                self._at = result.resume_at

    def _find_begin(self) -> bool:
        at = self._buffer.find(b"8=FIX", self._at)
        if at < 0:
            self._at = max(self._at, len(self._buffer) - 4)
            return False
        self._at = at
        self._searching = False
        return True

    def _frame(self) -> Message | _Garbled | None:
        buffer, at = self._buffer, self._at
        head = buffer[at : at + _BEGIN_STRING_LIMIT]
        if not head.startswith(b"8=") and head != b"8"[: len(head)]:
            return _Garbled(-1)
        begin_end = head.find(SOH)
        if begin_end < 0:
            return _Garbled(-1) if len(head) == _BEGIN_STRING_LIMIT else None
        body_at = at + begin_end + 1
        length_field = buffer[body_at : body_at + 2 + _LENGTH_LIMIT]
        length_end = length_field.find(SOH)
        if length_end < 0:
            whole = len(length_field) == 2 + _LENGTH_LIMIT or not b"9=".startswith(length_field[:2])
            return _Garbled(-1) if whole else None
        digits = length_field[2:length_end]
        if not length_field.startswith(b"9=") or not digits.isdigit():
            return _Garbled(-1)
        body_at += length_end + 1
        end = body_at + int(digits) + _TRAILER
        if end - at > self._limit:
            raise OversizedError(f"a message of {end - at} bytes was announced, at most {self._limit} are taken")
        if len(buffer) < end:
            return None
        return self._whole(head[2:begin_end], body_at, end)

    def _whole(self, begin_string: bytes, body_at: int, end: int) -> Message | _Garbled:
        buffer, at = self._buffer, self._at
        trailer = buffer[end - _TRAILER : end]
        if trailer[:3] != b"10=" or trailer[6:] != SOH or buffer[end - _TRAILER - 1 : end - _TRAILER] != SOH:
            return _Garbled(-1)
        if buffer[body_at : body_at + 3] != b"35=" or not trailer[3:6].isdigit():
            return _Garbled(end)
        if sum(buffer[at : end - _TRAILER]) & 0xFF != int(trailer[3:6]):
            return _Garbled(end)
        body = buffer[body_at : end - _TRAILER - 1]
        fields, fault = _split(body.split(SOH))
        if not _LENGTH_TAGS.isdisjoint(fields):
            parts = _parts_with_data(body)
            if any(part.translate(None, _ALLOWED) for part, is_data in parts if not is_data):
                return _Garbled(end)
            fields, fault = _split([part for part, _ in parts])
        elif body.translate(None, _ALLOWED):
            return _Garbled(end)
        self._at = end
        return Message(begin_string, fields.get(b"35", b""), fields, fault)


def _split(parts: list[bytes]) -> tuple[dict[bytes, bytes], Fault | None]:
    fields: dict[bytes, bytes] = {}
    fault: Fault | None = None
    for part in parts:
        tag, _, value = part.partition(b"=")
        if tag in fields:
            if fault is None and tag in _READ_ONCE:
                fault = Fault(13, int(tag), "tag appears more than once")
            continue
        fields[tag] = value
        if fault is None and not (value and tag.isdigit()):
            if tag.isdigit() and b"=" in part:
                fault = Fault(4, tag_number(tag), "tag without a value")
            else:
                fault = Fault(0, 0, "not a tag and a value")
    return fields, fault


def _parts_with_data(body: bytes) -> list[tuple[bytes, bool]]:
    """Split where SOH ends a field, taking data fields by their length."""
    parts: list[tuple[bytes, bool]] = []
    at, data_tag, data_length = 0, b"", 0
    while at <= len(body):
        value_at = at + len(data_tag) + 1
        is_data = bool(data_tag) and body[at:value_at] == data_tag + b"="
        end = value_at + data_length if is_data else body.find(SOH, at)
        if end < 0 or end > len(body) or (is_data and end < len(body) and body[end : end + 1] != SOH):
            end = len(body)
        part = body[at:end]
        parts.append((part, is_data))
        tag, _, value = part.partition(b"=")
        data_tag = b"" if is_data else _DATA_OF.get(tag, b"")
        data_length = int(value) if data_tag and value.isdigit() else 0
        at = end + 1
    return parts
