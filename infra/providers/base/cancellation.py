"""Telling work in other threads to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.providers.base.exceptions import Cancelled

__all__ = ["Cancellation"]


class Cancellation:
    """Set once, when the engine cancels. Blocking work registers how to interrupt it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._interrupts: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """True once the engine asked to stop."""
        return self._set

    def request(self) -> None:
        """Interrupt what is running; what begins later is refused. (The engine calls this at a normal end too.)"""
        with self._lock:
            self._set = True
            interrupts = list(self._interrupts)
        for interrupt in interrupts:
            interrupt()

    def raise_if_requested(self) -> None:
        """Raises `Cancelled` once the engine asked to stop."""
        if self._set:
            raise Cancelled("interrupted", "", "run `up` again: it carries on from the state reached")

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """While the body runs, `interrupt` is what ends it."""
        with self._lock:
            self.raise_if_requested()
            self._interrupts.append(interrupt)
        try:
            yield
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
