"""What the commands print while stacks are worked on."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from dingli.stacks.events import Message

__all__ = ["Screen"]

_SILENCE_S = 8.0  # a passing message is shown if a site has shown nothing else for so long


class Screen:
    """Lines with the time since the start and the site; red for errors, on a terminal only."""

    def __init__(self, output: TextIO | None = None, quiet: bool = False) -> None:
        self._output = output or sys.stdout
        self._quiet = quiet
        self._began = time.monotonic()
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def say(self, text: str, site: str = "", error: bool = False) -> None:
        """One line, or several that are indented alike."""
        if self._quiet:
            return
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        head = f"[{minutes:2d}:{seconds:02d}] {site:<10}" if site else f"[{minutes:2d}:{seconds:02d}]"
        body = text.replace("\n", "\n" + " " * (len(head) + 1))
        if error and self._output.isatty():
            body = f"\x1b[31m{body}\x1b[0m"
        with self._lock:
            print(f"{head} {body}", file=self._output, flush=True)

    def show(self, site: str, message: Message) -> None:
        """A message of the engine."""
        now = time.monotonic()
        if message.passing and now - self._last.get(site, self._began) < _SILENCE_S:
            return
        self._last[site] = now
        self.say(message.text, site, message.error)
