"""Finds lines and writes them, merged and ordered by time, as JSON: one a line, and at the end how it went.

The query is one line of JSON on standard input, so nothing of it passes through a shell:

    {"hosts": ["dr-1"], "services": ["core"], "cells": [], "since_us": 1795…, "until_us": null, "pattern": "refused",
     "priority": 3, "last": 1000, "follow": false}

Every key may be left out. `last` keeps that many of the latest lines. The last line of the answer is
`{"end": {"left_out": 12, "hosts": ["dr-1"]}}`; without it the answer is not complete.
"""

from __future__ import annotations

import heapq
import json
import re
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dingli_logstore import entry, ledger
from dingli_logstore.store import DayFile, Store

__all__ = ["NotAQuery", "Query", "run"]

_SAME_SERVICE = {"sshd": "ssh", "sshd-session": "ssh", "sshd-auth": "ssh"}
_POLL_S = 0.3


class NotAQuery(Exception):
    """What was asked cannot be answered."""


@dataclass(frozen=True)
class Query:
    """What is looked for; an empty tuple or None means anything."""

    hosts: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    pattern: str | None = None
    priority: int | None = None
    last: int | None = None
    follow: bool = False

    @classmethod
    def read(cls, text: str) -> Query:
        """From JSON. Raises NotAQuery."""
        try:
            asked = json.loads(text)
            lists: Any = {key: tuple(map(str, asked.pop(key, None) or ())) for key in ("hosts", "services", "cells")}
            query = cls(**lists, **asked)
            re.compile(query.pattern or "")
        except (ValueError, TypeError, AttributeError, re.error) as error:
            raise NotAQuery(f"the query is not understood: {error}") from None
        return query

    def matcher(self) -> Callable[[dict[str, Any]], bool]:
        """Whether a record is looked for."""
        pattern = re.compile(self.pattern) if self.pattern is not None else None
        services = {_SAME_SERVICE.get(name, name) for name in self.services}

        def matches(record: dict[str, Any]) -> bool:
            return (
                (self.since_us is None or record["time_us"] >= self.since_us)
                and (self.until_us is None or record["time_us"] < self.until_us)
                and (self.priority is None or record["priority"] <= self.priority)
                and (not services or not services.isdisjoint(services_of(record)))
                and (not self.cells or _cell_of(record["unit"]) in self.cells)
                and (pattern is None or pattern.search(record["message"]) is not None)
            )

        return matches


def services_of(record: dict[str, Any]) -> set[str]:
    """The names by which a person may ask for a record: `dingli-core@alpha.service` is core, too."""
    identifier, unit = record["identifier"], record["unit"]
    name = unit.rpartition(".")[0] or unit
    template = name.partition("@")[0]
    return {_SAME_SERVICE.get(one, one) for one in (identifier, unit, name, template, template.removeprefix("dingli-"))}


def _cell_of(unit: str) -> str:
    """The instance of a program's unit."""
    return unit.rpartition(".")[0].partition("@")[2] if unit.startswith("dingli-") else ""


class Search:
    """One query on a store. Keeps how far each host has been read, for what comes after."""

    def __init__(self, store: Store, query: Query) -> None:
        self.store = store
        self.query = query
        self.matches = query.matcher()
        known = store.hosts()
        missing = [host for host in query.hosts if host not in known]
        if missing:
            raise NotAQuery(f"no logs of {', '.join(missing)} have arrived; there are those of {', '.join(known)}")
        self.hosts = list(query.hosts) or known
        self._read: dict[str, tuple[str, int]] = {}
        noted = ledger.read(store.ledger)
        self._times = {(one["host"], one["day"]): one for one in noted if one["event"] == "closed"}

    def found(self) -> Iterator[dict[str, Any]]:
        """All that is there now, ordered by time. Lines of one host keep their order even if its clock was set back."""
        streams = [self._of(host) for host in self.hosts]
        for _, record in heapq.merge(*streams, key=lambda pair: pair[0]):
            yield record

    def _of(self, host: str) -> Iterator[tuple[int, dict[str, Any]]]:
        latest = 0
        for file in self.store.readable(host):
            if not self._may_have(file):
                continue
            position = 0
            for line in file.lines():
                if not line.endswith(b"\n"):
                    break  # it is still being written
                position += len(line)
                record = entry.stored(line)
                if record is not None and self.matches(record):
                    latest = max(latest, record["time_us"])
                    yield latest, {"host": host, **record}
            self._read[host] = (file.day, 0 if file.closed else position)

    def _may_have(self, file: DayFile) -> bool:
        """Whether a file can have what is looked for: by what the ledger says, or else by its day."""
        since, until = self.query.since_us, self.query.until_us
        known = self._times.get((file.host, file.day))
        if file.closed and known is not None and known["first_us"] is not None:
            return (since is None or known["last_us"] >= since) and (until is None or known["first_us"] < until)
        end = datetime.strptime(file.day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=2)  # one for wrong clocks
        return since is None or end.timestamp() * 1_000_000 > since

    def new(self) -> list[dict[str, Any]]:
        """What has arrived since the last look, ordered by time."""
        found = []
        for host in self.query.hosts or self.store.hosts():
            for file in self.store.readable(host):
                day, position = self._read.get(host, ("", 0))
                if file.day < day or file.closed:
                    continue
                with file.path.open("rb") as opened:
                    opened.seek(position if file.day == day else 0)
                    start = opened.tell()
                    whole, newline, _ = opened.read().rpartition(b"\n")
                records = map(entry.stored, whole.split(b"\n"))
                found += [{"host": host, **record} for record in records if record and self.matches(record)]
                self._read[host] = (file.day, start + len(whole) + len(newline))
        return sorted(found, key=lambda record: int(record["time_us"]))


def run(store: Store) -> int:
    """Answer the query on standard input. Exit status: 0 done, 2 not understood."""
    try:
        query = Query.read(sys.stdin.readline())
        search = Search(store, query)
    except NotAQuery as error:
        print(error, file=sys.stderr)
        return 2
    left_out = 0
    if query.last is None:
        for record in search.found():
            _write(record)
    else:
        latest: deque[dict[str, Any]] = deque(maxlen=query.last)
        for record in search.found():
            left_out += len(latest) == query.last
            latest.append(record)
        for record in latest:
            _write(record)
    sys.stdout.flush()
    if query.follow:
        _follow(search)
    print(json.dumps({"end": {"left_out": left_out, "hosts": search.hosts}}), flush=True)
    return 0


def _follow(search: Search) -> None:
    """Write what arrives, until whoever asked closes the connection."""
    while not select.select([sys.stdin], [], [], _POLL_S)[0]:
        for record in search.new():
            _write(record)
        sys.stdout.flush()


def _write(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
