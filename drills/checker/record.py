"""What clients wrote down: one JSON line per thing that happened to a client, in order, before it acted on it.

Lines: {"e": "connect"|"send"|"recv"|"disconnect"|"resolved", "t": monotonic ns, "s": session, …}; `send` and `recv`
carry `raw`, the whole message; `resolved` says that the session was logged on at the end with nothing outstanding. The
last line is the footer: {"e": "footer", "sends": int, "recvs": int, "sessions": [names]}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from drills.checker import fix


class Incomplete(Exception):
    """A record or a journal that cannot support a verdict; the message says what is missing."""


@dataclass(frozen=True)
class Message:
    """One message that a client sent or received."""

    at_ns: int
    session: str
    raw: str
    tags: dict[str, str]

    @property
    def seq(self) -> int:
        return int(self.tags["34"])

    @property
    def kind(self) -> str:
        return self.tags["35"]


@dataclass
class ClientRecord:
    """All that clients of one machine (one monotonic clock) did, in order of time."""

    sends: list[Message] = field(default_factory=list)
    receives: list[Message] = field(default_factory=list)
    garbled: list[tuple[str, str]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)


def read(paths: Iterable[Path]) -> ClientRecord:
    """The records of all clients; raises Incomplete for one without a footer, with other counts, or with an
    unresolved session.
    """
    merged = ClientRecord()
    found = False
    for path in paths:
        found = True
        _read_one(path, merged)
    if not found:
        raise Incomplete("no client records found, expected at least one")
    merged.sends.sort(key=lambda one: one.at_ns)
    merged.receives.sort(key=lambda one: one.at_ns)
    return merged


def _lines(path: Path) -> Iterator[dict[str, object]]:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise Incomplete(f"{path.name}:{number} is not a whole JSON line, expected one up to the footer") from error


def _read_one(path: Path, merged: ClientRecord) -> None:
    counts = {"send": 0, "recv": 0}
    footer: dict[str, object] | None = None
    resolved: set[str] = set()
    seen: set[str] = set()
    for line in _lines(path):
        event, session = str(line["e"]), str(line.get("s", ""))
        if footer is not None:
            raise Incomplete(f"{path.name} goes on after its footer")
        if event == "footer":
            footer = line
        elif event in counts:
            counts[event] += 1
            seen.add(session)
            _message(line, session, merged.sends if event == "send" else merged.receives, merged)
        elif event == "resolved":
            resolved.add(session)
        elif event == "connect":
            seen.add(session)
            resolved.discard(session)
    if footer is None:
        raise Incomplete(f"{path.name} has no footer: it was cut off")
    if (footer["sends"], footer["recvs"]) != (counts["send"], counts["recv"]):
        raise Incomplete(
            f"{path.name} holds {counts['send']} sends and {counts['recv']} receives, "
            f"its footer says {footer['sends']} and {footer['recvs']}"
        )
    if unresolved := sorted(seen - resolved):
        raise Incomplete(f"{path.name}: sessions not resolved at the end: {', '.join(unresolved)}")
    merged.sessions |= seen


def _message(line: dict[str, object], session: str, into: list[Message], merged: ClientRecord) -> None:
    raw = str(line["raw"])
    try:
        tags = dict(fix.parse(raw))
        int(tags["34"])
    except (fix.FixError, KeyError, ValueError) as error:
        merged.garbled.append((session, f"{error}: {raw!r}"))
        return
    into.append(Message(int(str(line["t"])), session, raw, tags))
