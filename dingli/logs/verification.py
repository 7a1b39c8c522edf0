"""Whether the days that are closed are what they were: files against their sums, sums against what was seen earlier."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["findings"]

_START = "0" * 64


def findings(ledger: str, sums: Mapping[str, str], earlier: Sequence[str] = ()) -> list[str]:
    """What is wrong, in words; nothing if all is as it was.

    `ledger` is what the host of the logs has noted, `sums` are the SHA-256 of its closed files now (`host/day`),
    `earlier` are ledgers that were taken away before: the present one must begin with each of them.
    """
    if not all(ledger.startswith(one) for one in earlier):
        return ["the ledger does not begin with the one that was seen earlier: it was written anew"]
    try:
        notes = [json.loads(line) for line in ledger.splitlines()]
        return [*_chain(ledger, notes), *_files(notes, sums)]
    except (ValueError, KeyError, TypeError) as error:
        return [f"the ledger cannot be read: {error}"]


def _chain(ledger: str, notes: list[dict[str, Any]]) -> list[str]:
    before, found = _START, []
    for number, (line, note) in enumerate(zip(ledger.splitlines(keepends=True), notes, strict=True), 1):
        if (note["n"], note["before"]) != (number, before):
            found.append(f"line {number} of the ledger does not follow the one before it")
        before = hashlib.sha256(line.encode()).hexdigest()
    return found


def _files(notes: list[dict[str, Any]], sums: Mapping[str, str]) -> list[str]:
    expected: dict[str, str] = {}
    for note in notes:
        name = f"{note['host']}/{note['day']}"
        if note["event"] == "closed":
            expected[name] = note["sha256"]
        else:
            expected.pop(name, None)
    found = [f"{name}: the file is gone" for name in expected if name not in sums]
    found += [f"{name}: the file was changed" for name, total in expected.items() if sums.get(name, total) != total]
    return found + [f"{name}: nobody noted this file" for name in sums if name not in expected]
