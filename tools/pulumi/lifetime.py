"""How a process that serves another one ends: with its parent, and quietly when it is asked to."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

_POLL_S = 0.5


def end_with_parent(cleanup: Callable[[], None] = lambda: None) -> None:
    """End this process on SIGINT, SIGTERM, or when its parent disappears; `cleanup` runs first.

    The parent is polled: the kernel's parent-death signal follows the parent's *thread*, and Go ends threads at will.
    """
    parent = os.getppid()

    def end(code: int) -> None:
        cleanup()
        os._exit(code)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        end(1)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end(0))
    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
