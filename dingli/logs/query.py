"""What a person asks, checked and made into the question that the host of the logs answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from dingli.environment import Environment
from dingli.environment.problems import near_miss
from dingli.exceptions import InputError

__all__ = ["DEFAULT_SPAN", "Priority", "Wish", "moment", "priority", "question"]

DEFAULT_SPAN = timedelta(hours=1)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Priority(IntEnum):
    """syslog's, most severe first."""

    EMERG = 0
    ALERT = 1
    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


@dataclass(frozen=True)
class Wish:
    """The options of `dingli logs` as they were typed; empty means anything."""

    hosts: Sequence[str] = ()
    services: Sequence[str] = ()
    cells: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    grep: str | None = None
    priority: str | None = None
    last: int = 0
    """0: all."""
    follow: bool = False


def question(environment: Environment, wish: Wish, now: datetime) -> dict[str, Any]:
    """The question as JSON; raises InputError for what cannot be asked."""
    for cell in wish.cells:
        _require(cell, environment.cells, "cell")
    since, until = _span(wish, now)
    _compilable(wish.grep)
    if wish.last < 0:
        raise InputError(f"-n {wish.last}", "a number of lines, or 0 for all", "correct it")
    return {
        "hosts": list(wish.hosts),
        "services": [_service(name) for name in wish.services],
        "cells": list(wish.cells),
        "since_us": _microseconds(since),
        "until_us": _microseconds(until),
        "pattern": wish.grep,
        "priority": int(priority(wish.priority)) if wish.priority is not None else None,
        "last": wish.last or None,
        "follow": wish.follow,
    }


def moment(text: str, now: datetime) -> datetime:
    """`10m` (ago; s, m, h, d, w), or a time such as `2026-11-21T07:30` or `2026-11-21 07:30:15+08:00`; else UTC."""
    if ago := re.fullmatch(r"([0-9]{1,6})([smhdw])", text.strip()):
        return now - timedelta(seconds=int(ago[1]) * _UNITS_S[ago[2]])
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"the time {text!r}", "10m, 2h, 3d (ago), or a time such as 2026-11-21T07:30", "correct it"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def priority(text: str) -> Priority:
    """By name, `error` and `warn` too, or by number."""
    known = {one.name.lower(): one for one in Priority} | {"error": Priority.ERR, "warn": Priority.WARNING}
    known |= {str(int(one)): one for one in Priority}
    if text.lower() not in known:
        names = [one.name.lower() for one in Priority]
        raise InputError(
            f"the priority {text!r}{near_miss(text.lower(), names)}", f"one of {', '.join(names)}", "correct it"
        )
    return known[text.lower()]


def _span(wish: Wish, now: datetime) -> tuple[datetime | None, datetime | None]:
    until = moment(wish.until, now) if wish.until is not None else None
    since = moment(wish.since, now) if wish.since is not None else (until or now) - DEFAULT_SPAN
    if until is not None and wish.follow:
        raise InputError("--follow with --until", "one of them", "leave one of them out")
    if until is not None and since >= until:
        raise InputError(
            f"--since {since:%Y-%m-%dT%H:%M:%SZ} is not before --until {until:%Y-%m-%dT%H:%M:%SZ}",
            "a span of time",
            "correct one of them",
        )
    return since, until


def _compilable(pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise InputError(
            f"--grep {pattern!r}: {error}", "a regular expression as Python's re has it", r"write \ before ( [ * + ? ."
        ) from None


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise InputError(
            f"the unknown {what} {name!r}{near_miss(name, known)}", f"one of {', '.join(known)}", "correct it"
        )


def _service(name: str) -> str:
    """A unit may be named with its ending."""
    return name.removesuffix(".service")


def _microseconds(time: datetime | None) -> int | None:
    return (time - _EPOCH) // timedelta(microseconds=1) if time is not None else None
