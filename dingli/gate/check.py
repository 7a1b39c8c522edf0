"""Checks of a running environment, repeated until they pass or their time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dingli.environment import Environment
from dingli.exceptions import DingliError

__all__ = ["Check", "Finding", "State", "run_checks"]

_WAIT_S = 60.0


class State(StrEnum):
    """How a check ended. Unknown is never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What a check saw; `text` for a person."""

    state: State
    text: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """`look` asks once. A `DingliError` from it means *unknown*."""

    name: str
    look: Callable[[Environment], Finding]


def run_checks(environment: Environment, checks: Sequence[Check]) -> Iterator[tuple[str, Finding]]:
    """Each check's name and last finding. A check that fails ends the row: the next ones build on it."""
    for check in checks:
        began = time.monotonic()
        finding = _look(check, environment)
        while finding.state is not State.PASSED and time.monotonic() - began < _WAIT_S:
            time.sleep(0.5)
            finding = _look(check, environment)
        yield check.name, Finding(finding.state, finding.text, time.monotonic() - began)
        if finding.state is not State.PASSED:
            return


def _look(check: Check, environment: Environment) -> Finding:
    try:
        return check.look(environment)
    except DingliError as error:
        return Finding(State.UNKNOWN, str(error))
