"""Waiting for what has to come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | None], within_s: float = 60.0, what: str = "condition", every_s: float = 0.02
) -> T:
    """The first true answer of the condition; AssertionError after the deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(every_s)
    return answer
