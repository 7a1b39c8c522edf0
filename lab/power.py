"""Power-offs and when they end: written down before the power goes, so that a restarted controller keeps its word.

Times are seconds since this machine's boot (CLOCK_BOOTTIME), which nobody can set; after a reboot of the machine every
power-off has ended.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.exceptions import LabError

MAX_OFF_S = 600

_UNITS = {"": 1, "s": 1, "m": 60}


@dataclass(frozen=True)
class PowerOff:
    """A host without power, until `until_s` after the boot `boot_id` of this machine; or a line that is cut."""

    host: str
    until_s: float
    boot_id: str

    def left_s(self, now_s: float, boot_id: str) -> float:
        """Seconds until the power returns: zero or less when it should have returned."""
        return self.until_s - now_s if boot_id == self.boot_id else 0.0


def duration_s(text: str, what: str = "a power-off") -> float:
    """`60`, `60s` or `2m` in seconds. A power-off, or a cut, is at least a second and at most MAX_OFF_S long."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|)", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= seconds <= MAX_OFF_S:
        raise LabError(f"{what} for {text!r}", f"1s to {MAX_OFF_S}s, such as 60s or 2m", "give another time with --for")
    return seconds


def due(offs: Mapping[str, PowerOff], now_s: float, boot_id: str) -> tuple[str, ...]:
    """The hosts whose power-off has ended, the longest overdue first."""
    over = [off for off in offs.values() if off.left_s(now_s, boot_id) <= 0]
    return tuple(off.host for off in sorted(over, key=lambda off: off.until_s))


def next_wake_s(offs: Mapping[str, PowerOff], now_s: float, boot_id: str) -> float | None:
    """Seconds until the next power-off ends, or None when every host has power."""
    return min((max(0.0, off.left_s(now_s, boot_id)) for off in offs.values()), default=None)


def now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def load(path: Path) -> dict[str, PowerOff]:
    """The power-offs that were written down. A damaged file is an error, not an empty list: a host might stay dark."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {entry["host"]: PowerOff(**entry) for entry in entries}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} is damaged: {error}", remedy="run `dingli lab down`, then `dingli lab up`") from error


def save(path: Path, offs: Mapping[str, PowerOff]) -> None:
    """On disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as out:
        json.dump([asdict(off) for off in offs.values()], out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
