"""Text that any document can hold."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text with control characters spelled out: XML has no place for them, and hosts print what they like."""
    return "".join(c if c in "\n\t" or (c >= " " and c not in "\x7f\ufffe\uffff") else f"\\x{ord(c):02x}" for c in text)
