"""One line of the logs: from what a host's journalctl prints to what is stored.

A host may send anything. What is stored has these keys and types alone, whatever was sent:

    {"time_us": 1795245036654822, "received_us": …, "priority": 6, "unit": "ssh.service", "identifier": "sudo",
     "message": "…", "pid": 4488, "uid": 994, "transport": "syslog", "boot": "d732…", "cursor": "s=…;i=…"}

The host is not among them: it is the folder's name, and comes from the sender's certificate.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["MOST_MESSAGE_CHARACTERS", "NotAnEntry", "encoded", "parse", "stored"]

MOST_MESSAGE_CHARACTERS = 262144
_MOST_WORD_CHARACTERS = 256
_LEAST_SEVERE = 7
_UNSAID_PRIORITY = 6  # as journald has it for what a program prints
_CURSOR = re.compile(
    r"s=[0-9a-f]{32};i=[0-9a-f]{1,16};b=[0-9a-f]{32};m=[0-9a-f]{1,16};t=[0-9a-f]{1,16};x=[0-9a-f]{1,16}"
)


class NotAnEntry(Exception):
    """A line that journalctl does not print."""


def parse(line: bytes, received_us: int) -> dict[str, Any]:
    """What is stored of a line of `journalctl --output=json`. Raises NotAnEntry."""
    try:
        sent = json.loads(line)
    except (ValueError, RecursionError):
        raise NotAnEntry("no JSON") from None
    if not isinstance(sent, dict):
        raise NotAnEntry("no JSON object")
    cursor = sent.get("__CURSOR")
    if not isinstance(cursor, str) or not _CURSOR.fullmatch(cursor):
        raise NotAnEntry("no cursor")
    time_us = _number(sent.get("__REALTIME_TIMESTAMP"))
    if time_us is None:
        raise NotAnEntry("no time")
    priority = _number(sent.get("PRIORITY"))
    return {
        "time_us": time_us,
        "received_us": received_us,
        "priority": priority if priority is not None and priority <= _LEAST_SEVERE else _UNSAID_PRIORITY,
        "unit": _word(sent.get("_SYSTEMD_UNIT")),
        "identifier": _word(sent.get("SYSLOG_IDENTIFIER")) or _word(sent.get("_COMM")),
        "message": _message(sent.get("MESSAGE")),
        "pid": _number(sent.get("_PID")),
        "uid": _number(sent.get("_UID")),
        "transport": _word(sent.get("_TRANSPORT")),
        "boot": _word(sent.get("_BOOT_ID")),
        "cursor": cursor,
    }


def encoded(record: dict[str, Any]) -> bytes:
    """A stored line, with its newline."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def stored(line: bytes) -> dict[str, Any] | None:
    """A stored line read again; None for one that was cut short by a full disk or a power failure."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "cursor" in record and "time_us" in record else None


def _number(value: Any) -> int | None:
    """journald's numbers are text; those of any entry fit 64 bits."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value) else None


def _text(value: Any) -> str:
    """A field as text: bytes that are no text come as a list of numbers, several values of one name as a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one <= 255 for one in value):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value if isinstance(one, str))
    return ""


def _word(value: Any) -> str:
    return _text(value)[:_MOST_WORD_CHARACTERS]


def _message(value: Any) -> str:
    text = _text(value)
    if len(text) <= MOST_MESSAGE_CHARACTERS:
        return text
    return f"{text[:MOST_MESSAGE_CHARACTERS]} [cut: {len(text)} characters]"
