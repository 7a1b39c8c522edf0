"""The journal as `dingli-core-ctl CELL dump` gives it: one JSON line per entry, {"n", "mod_revision", "value":
base64}.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from drills.checker.record import Incomplete


@dataclass(frozen=True)
class Dump:
    """All entries from 1, and the number of the last one."""

    entries: list[bytes]
    head: int


def read_dump(path: Path) -> Dump:
    """Reads a dump; raises Incomplete for one that is cut off or not a dump."""
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            entries.append(base64.b64decode(json.loads(line)["value"], validate=True))
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise Incomplete(f"{path.name}:{number} is not an entry: {error}") from error
    if not entries:
        raise Incomplete(f"{path.name} holds no entries")
    return Dump(entries, len(entries))
