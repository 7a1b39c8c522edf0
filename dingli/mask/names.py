"""New names for old ones: the same for the same, different for different, and nobody can go back.

The key is made for one run and kept nowhere, so that not even a list of all names there could be leads from a new name
to the old one, and two copies of the same day cannot be joined.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Any

from drills.checker.wire import COMMANDS, Record

__all__ = ["LENGTH", "SEARCHED", "Names", "originals_of"]

LENGTH = 16
"""Of a new name: what a session, the shortest of them, may have. 20 letters to the 16th are 2 to the 69th."""
SEARCHED = 3
"""Originals from this length on do not even occur by chance inside a new name."""

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no digits, no vowels, no lower case: few originals could occur in them at all
_MESSAGE_TYPE = re.compile(r"[A-Za-z0-9]{0,2}")
_KEPT = {"kind", "symbol", "ref_msg_type", "side", "ord_type", "tif", "instruments"}
_TEXTS = {
    name: tuple(field for field, type_ in layout if type_[0] == "s" and field not in _KEPT)
    for name, layout in COMMANDS.values()
}


def originals_of(command: Record, symbols: frozenset[str]) -> Iterable[str]:
    """Every text of a command that is replaced; empty ones stay empty."""
    found = [command[field] for field in _TEXTS[command["kind"]]]
    if command.get("symbol", "") not in symbols:  # an unknown symbol is whatever a member wrote there
        found.append(command.get("symbol", ""))
    if not _MESSAGE_TYPE.fullmatch(command.get("ref_msg_type", "")):
        found.append(command["ref_msg_type"])
    return [text for text in found if text]


class Names:
    """`originals` are all that will be asked for, so that no new name contains one of them; `symbols` stay."""

    def __init__(self, originals: Iterable[str], symbols: frozenset[str]) -> None:
        self._key = secrets.token_bytes(32)
        self._symbols = symbols
        self._originals = frozenset(originals)
        self._new: dict[str, str] = {"": ""}
        self._taken: set[str] = set(symbols)

    def __len__(self) -> int:
        return len(self._new) - 1

    def of(self, text: str) -> str:
        """Its new name; nothing for nothing."""
        if text not in self._new:
            new = self._made(text)
            self._new[text] = new
            self._taken.add(new)
        return self._new[text]

    def command(self, command: Record) -> Record:
        """The command with new names; prices, quantities, numbers, times and kinds as they were."""
        replaced: dict[str, Any] = {field: self.of(command[field]) for field in _TEXTS[command["kind"]]}
        if "symbol" in command and command["symbol"] not in self._symbols:
            replaced["symbol"] = self.of(command["symbol"])
        if not _MESSAGE_TYPE.fullmatch(command.get("ref_msg_type", "")):
            replaced["ref_msg_type"] = self.of(command["ref_msg_type"])[:4]
        return {**command, **replaced}

    def batch(self, batch_id: bytes) -> bytes:
        """A batch id is random already; another one all the same, so that copies cannot be joined by it."""
        return hmac.digest(self._key, b"batch:" + batch_id, hashlib.sha256)[:16]

    def _made(self, text: str) -> str:
        for again in range(1 << 16):
            number = int.from_bytes(hmac.digest(self._key, b"%d:" % again + text.encode(), hashlib.sha256))
            letters = []
            for _ in range(LENGTH):
                number, letter = divmod(number, len(_LETTERS))
                letters.append(_LETTERS[letter])
            new = "".join(letters)
            if new not in self._taken and not self._holds_an_original(new):
                return new
        raise AssertionError("unreachable: the originals would have to cover nearly all words of these letters")

    def _holds_an_original(self, new: str) -> bool:
        parts = (new[begin:end] for begin in range(LENGTH) for end in range(begin + SEARCHED, LENGTH + 1))
        return any(part in self._originals for part in parts)
