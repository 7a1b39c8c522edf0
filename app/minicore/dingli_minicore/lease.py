"""The core's lease: granted at start, renewed by a thread of its own only while there is a reason to."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable

from dingli_minicore.etcd import Etcd
from dingli_minicore.exceptions import EtcdError, EtcdRefused

__all__ = ["Lease"]

_log = logging.getLogger("dingli.lease")
_RECHECK_S = 0.05


class Lease(threading.Thread):
    """Keeps a lease alive while `may_renew()`; takes a new one when the old one is lost."""

    def __init__(self, etcd: Etcd, ttl_s: float, may_renew: Callable[[], bool], granted: Callable[[int], None]) -> None:
        super().__init__(name="lease", daemon=True)
        self._etcd = etcd
        self._ttl_s = math.ceil(ttl_s)
        self._may_renew = may_renew
        self._granted = granted
        self._ended = threading.Event()
        self._state = (0, 0.0)
        self._parent = os.getppid()

    @property
    def id(self) -> int:
        """The lease's id, 0 before the first."""
        return self._state[0]

    def holds(self, lease_id: int) -> bool:
        """Whether the lease with this id is alive for sure, by the monotonic clock."""
        current, until = self._state
        return current == lease_id != 0 and time.monotonic() < until

    def grant(self) -> None:
        """Take a lease; it counts from before the call."""
        before = time.monotonic()
        data = self._etcd.call("/v3/lease/grant", {"TTL": str(self._ttl_s), "ID": "0"})
        self._granted(int(data["ID"]))
        self._state = (int(data["ID"]), before + int(data["TTL"]))

    def stop(self) -> None:
        """Renew no more."""
        self._ended.set()

    def run(self) -> None:
        """Until the process, its parent or the core ends."""
        while not self._ended.wait(self._ttl_s / 3 if self.id else 0):
            while not self._may_renew():
                if self._ended.wait(_RECHECK_S):
                    return
            if os.getppid() != self._parent:
                # Nobody would revoke the lease of a core without its supervisor.
                os._exit(3)
            self._renew()

    def _renew(self) -> None:
        for _ in range(3):
            try:
                if not self.id or not self._keep_alive():
                    self.grant()
            except EtcdError as error:
                _log.warning("lease %x not renewed: %s", self.id, error)
            else:
                return
            if self._ended.wait(_RECHECK_S):
                return

    def _keep_alive(self) -> bool:
        lease_id = self.id
        before = time.monotonic()
        try:
            data = self._etcd.call("/v3/lease/keepalive", {"ID": str(lease_id)})
        except EtcdRefused:
            return False
        ttl = int(data.get("result", data).get("TTL", 0))
        if ttl:
            self._state = (lease_id, before + ttl)
        return ttl > 0
