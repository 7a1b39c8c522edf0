"""The child process: one incarnation of the core, from its first read to its end."""

from __future__ import annotations

import gc
import logging
import resource
import time
from collections.abc import Callable
from typing import TypeVar

from dingli_minicore import etcd as e
from dingli_minicore.config import Config
from dingli_minicore.core import Core, Quarantined, Role
from dingli_minicore.exceptions import Defect, EtcdError
from dingli_minicore.leader import Leadership
from dingli_minicore.metrics import render, serve_metrics

__all__ = ["live"]

_log = logging.getLogger("dingli.incarnation")
_T = TypeVar("_T")
_FILES = 65_536


def live(config: Config, granted: Callable[[int], None]) -> int:
    """Run one incarnation; the exit code of its process. `granted` is told every lease."""
    # Nothing in the hot path makes cycles, and a full collection over all orders takes longer than a lease.
    gc.set_threshold(50_000, 50, 1000)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # Strangers may hold many connections until their handshakes are given up.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most) if most >= 0 else _FILES, most))
    core = Core(config, granted)
    serve_metrics(config.metrics, lambda: render(core))
    try:
        if not _is_barred(core):
            core.run(lambda epoch: Leadership(core, epoch).run())
    except Quarantined:
        core.lease.stop()
        _log.error("this core is quarantined: starting anew, without its state")
        return 4
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the marker must survive it
        core.lease.stop()
        defect = core.defect(error)
        if defect is None:
            _log.exception("unexpected")
            return 1
        _log.exception("defect at entry %d", defect.n)
        _mark(core, defect)
        return 4
    _wait_in_quarantine(core)
    return 0


def _insist(core: Core, what: Callable[[], _T]) -> _T:
    """Until etcd answers."""
    while True:
        core.watchdog.beat()
        try:
            return what()
        except EtcdError as error:
            _log.warning("%s", error)
            time.sleep(core.config.poll_s)


def _is_barred(core: Core) -> bool:
    """Whether the core was quarantined before it started."""
    read = e.txn_body([], [e.get(core.keys.quarantine)], [])
    return bool(_insist(core, lambda: core.etcd.txn(read)).kvs[0])


def _mark(core: Core, defect: Defect) -> None:
    """Bar this core, across restarts, before its lease ends and it could be asked to lead again."""
    _insist(core, lambda: core.quarantine(core.keys.me, defect.n, defect.reason))


def _wait_in_quarantine(core: Core) -> None:
    """Publish the status and nothing else, until an operator deletes the key."""
    core.role = Role.QUARANTINED
    _log.error("quarantined: waiting until %s is deleted", core.keys.quarantine)
    while True:
        body = e.txn_body([], [e.put(core.keys.status, core.status()), e.get(core.keys.quarantine)], [])
        reply = _insist(core, lambda body=body: core.etcd.txn(body))  # type: ignore[misc]
        if not reply.kvs[1]:
            return
        _log.debug("quarantined: %.200r", reply.kvs[1][0].value)
        time.sleep(core.config.status_s)
