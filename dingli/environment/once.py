"""What is derived from a whole environment is derived once: with a thousand hosts, once for each host is too often."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TypeVar

from dingli.environment.model import Environment

__all__ = ["once"]

T = TypeVar("T")


def once(derive: Callable[[Environment], T]) -> Callable[[Environment], T]:
    """`derive`, whose result is kept as long as the very environment that it was made of: one never changes.

    Whoever is given the result must not change it.
    """
    kept: dict[int, T] = {}  # environments are equal by value, and have no hash

    @functools.wraps(derive)
    def derived(environment: Environment) -> T:
        key = id(environment)
        if key not in kept:
            kept[key] = derive(environment)
            weakref.finalize(environment, kept.pop, key, None)
        return kept[key]

    return derived
