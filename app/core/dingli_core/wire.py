"""The protocol's primitive types. A decoder accepts exactly the bytes that an encoder would make."""

import re
import struct
from collections.abc import Callable

from dingli_core.exceptions import DecodingError

__all__ = ["Reader", "pack_char", "pack_str", "session_name"]

U16 = struct.Struct(">H")
U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")
_U16_AT: Callable[[bytes, int], tuple[int]] = U16.unpack_from
_U32_AT: Callable[[bytes, int], tuple[int]] = U32.unpack_from
_U64_AT: Callable[[bytes, int], tuple[int]] = U64.unpack_from
_LENGTHS = tuple(bytes((length,)) for length in range(256))
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,16}")


def pack_str(text: str) -> bytes:
    """Length and bytes. The text must be printable ASCII of at most 255 bytes."""
    raw = text.encode("ascii")
    return _LENGTHS[len(raw)] + raw


def pack_char(char: str) -> bytes:
    return char.encode("ascii")


def session_name(text: str) -> str:
    """The text, when it can name a session; otherwise a DecodingError."""
    if _NAME.fullmatch(text) is None:
        raise DecodingError(f"session name {text!r}: expected 1 to 16 of A-Z a-z 0-9 _ -")
    return text


class Reader:
    """Takes fields one after the other; any field beyond the end is a DecodingError."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def u8(self) -> int:
        position = self.position
        self.position = position + 1
        try:
            return self.data[position]
        except IndexError:
            raise self._short() from None

    def u16(self) -> int:
        return self._integer(_U16_AT, 2)

    def u32(self) -> int:
        return self._integer(_U32_AT, 4)

    def u64(self) -> int:
        return self._integer(_U64_AT, 8)

    def _integer(self, unpack: Callable[[bytes, int], tuple[int]], size: int) -> int:
        position = self.position
        self.position = position + size
        try:
            return unpack(self.data, position)[0]
        except struct.error:
            raise self._short() from None

    def flag(self) -> int:
        """A u8 that is 0 or 1."""
        value = self.u8()
        if value > 1:
            raise DecodingError(f"byte {self.position - 1}: found {value}, expected 0 or 1")
        return value

    def char(self) -> str:
        value = self.u8()
        if not 0x20 <= value <= 0x7E:
            raise DecodingError(f"byte {self.position - 1}: found {value:#x}, expected a character in 0x20-0x7E")
        return chr(value)

    def text(self, limit: int) -> str:
        length = self.u8()
        if length > limit:
            raise DecodingError(f"byte {self.position - 1}: a string of {length} bytes, expected at most {limit}")
        raw = self.raw(length)
        if _PRINTABLE.fullmatch(raw) is None:
            raise DecodingError(f"byte {self.position - length}: {raw!r} has bytes outside 0x20-0x7E")
        return raw.decode("ascii")

    def raw(self, length: int) -> bytes:
        position = self.position
        end = position + length
        if end > len(self.data):
            raise self._short()
        self.position = end
        return self.data[position:end]

    def finish(self) -> None:
        if self.position != len(self.data):
            raise DecodingError(f"{len(self.data) - self.position} bytes are left over at the end")

    def _short(self) -> DecodingError:
        return DecodingError(f"a field ends at byte {self.position}, but there are only {len(self.data)} bytes")
