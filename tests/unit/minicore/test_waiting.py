"""A core that waits for what comes looks up again when the time is over, however short it was."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty

from dingli_minicore.config import Config, EtcdAccess
from dingli_minicore.core import Core

_TIMES = 30_000  # a queue that can stand still did so within 14,000


def core() -> Core:
    nowhere = ("127.0.0.1", 1)
    access = EtcdAccess(("http://127.0.0.1:1",), None, "", "")
    config = Config(
        cell="alpha", core_id="a/minimal", lease_s=1, generation=1, listen=nowhere, advertise="127.0.0.1:1",
        metrics=nowhere, etcd=access, tls=None, revision=1, max_age_ms=1000, instruments=(), same_city=(),
        archive=Path("/nowhere"),
    )  # fmt: skip
    return Core(config, lambda lease: None)


def test_no_wait_lasts_for_ever() -> None:
    inbox, done = core().inbox, threading.Event()

    def wait_often() -> None:
        for _ in range(_TIMES):
            inbox.put(None)
            inbox.get()  # did not have to wait, after which the next one may forget its time
            try:
                inbox.get(timeout=1e-6)
            except Empty:
                continue
        done.set()

    threading.Thread(target=wait_often, daemon=True).start()
    assert done.wait(60)
