"""Records as lines on a screen, and as JSON for another program."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from dingli.logs.query import Priority

__all__ = ["as_json", "as_text", "status_as_text"]

_INTERPRETERS = {"python3", "sh", "bash", ""}


def as_text(record: dict[str, Any]) -> str:
    """`2026-11-21T07:00:00.123Z primary-1 core@alpha[812] err: message`. Nothing of it can steer a terminal."""
    number = f"[{record['pid']}]" if record["pid"] is not None else ""
    name = Priority(record["priority"]).name.lower()
    time, service = _time(record["time_us"], "milliseconds"), _harmless(_service(record))
    said = "\n    ".join(_harmless(line) for line in record["message"].split("\n"))
    return f"{time} {record['host']} {service}{number} {name}: {said}"


def as_json(record: dict[str, Any]) -> str:
    """One object on one line."""
    found = {
        "time": _time(record["time_us"], "microseconds"),
        "received": _time(record["received_us"], "microseconds"),
        "host": record["host"],
        "service": _service(record),
        "priority": Priority(record["priority"]).name.lower(),
        **{key: record[key] for key in ("unit", "identifier", "pid", "uid", "transport", "message")},
    }
    return json.dumps(found, ensure_ascii=False)


def status_as_text(status: dict[str, Any]) -> list[str]:
    """A line for each host, and one for the disk."""
    lines = [f"{'host':<16} {'last line arrived':<22} {'oldest day':<12} {'days':>5} {'MiB':>8}  grow only"]
    for host, one in status["hosts"].items():
        arrival = f"{status['at'] - one['last_arrival']:.0f} s ago" if one["last_arrival"] else "never"
        grow = f"{one['grows_only']} of {one['files']} files"
        size = one["bytes"] / (1 << 20)
        lines.append(f"{host:<16} {arrival:<22} {one['oldest'] or '-':<12} {one['days']:>5} {size:>8.1f}  {grow}")
    return [*lines, f"kept for {status['keep_days']} days; {status['free_percent']} % of the disk is free"]


def _service(record: dict[str, Any]) -> str:
    """A program's unit says more than the interpreter that runs it."""
    unit = str(record["unit"]).removesuffix(".service")
    ours = unit.startswith("dingli-") and record["identifier"] in _INTERPRETERS
    return unit.removeprefix("dingli-") if ours else str(record["identifier"]) or unit or "kernel"


def _harmless(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\t" else one.encode("unicode_escape").decode() for one in text)


def _time(time_us: int, precision: str) -> str:
    whole, part = divmod(time_us, 1_000_000)
    moment = datetime.fromtimestamp(whole, UTC).replace(microsecond=part)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
