"""The parent process: ends a core's lease as soon as its process has ended, and starts the next."""

from __future__ import annotations

import logging
import mmap
import os
import signal
import struct
import time

from dingli_minicore.config import Config
from dingli_minicore.etcd import Etcd, get, txn_body
from dingli_minicore.exceptions import EtcdError
from dingli_minicore.incarnation import live

__all__ = ["Supervisor"]

_log = logging.getLogger("dingli.supervisor")
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
_WARM_S = 30.0
_PAUSE_S = 0.5


class Supervisor:
    """Forks incarnations, one after the other. It has no threads, so that forking is safe."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._etcd = Etcd(config.etcd, config.deadline_s)
        self._lease = mmap.mmap(-1, 8)  # shared with the child, which writes its lease's id there
        self._child = 0

    def run(self) -> int:
        """Until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while True:
            self._start()
            ended_by = self._wait()
            self._revoke()
            if ended_by != signal.SIGCHLD:
                return 0
            # A core that stands at the head goes before one that must read the log first.
            time.sleep(_PAUSE_S)

    def _start(self) -> None:
        struct.pack_into(">Q", self._lease, 0, 0)
        supervisor = os.getpid()
        self._child = os.fork()
        if self._child:
            _log.info("core process %d", self._child)
            self._keep_warm()
            return
        code = 1
        try:
            if os.getppid() != supervisor:
                return  # it died in this very moment: nobody would revoke what is granted from here on
            self._etcd.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            code = live(self._config, self._note)
        except Exception:  # noqa: BLE001 - the outermost edge: nothing else would tell why the process ended
            _log.exception("the core did not start")
        finally:
            # Neither the parent's stack nor its exit handlers are the child's.
            logging.shutdown()
            os._exit(code)

    def _note(self, lease_id: int) -> None:
        struct.pack_into(">Q", self._lease, 0, lease_id)

    def _wait(self) -> int:
        """Until the child has ended; the signal that was the reason."""
        while True:
            received = signal.sigtimedwait(_SIGNALS, _WARM_S)
            if received is None:
                self._keep_warm()
            elif received.si_signo != signal.SIGCHLD:
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)
                return received.si_signo
            else:
                pid, status = os.waitpid(self._child, os.WNOHANG)
                if pid:
                    _log.warning("core process %d ended with %d", pid, os.waitstatus_to_exitcode(status))
                    return signal.SIGCHLD

    def _keep_warm(self) -> None:
        """Keep connection and token alive, so that a revocation is one round trip."""
        try:
            self._etcd.txn(txn_body([], [get(f"/dingli/v1/{self._config.cell}/halt")], []))
        except EtcdError as error:
            _log.info("etcd does not answer the supervisor: %s", error)

    def _revoke(self) -> None:
        (lease_id,) = struct.unpack_from(">Q", self._lease, 0)
        until = time.monotonic() + self._config.lease_s
        while lease_id and time.monotonic() < until:
            try:
                self._etcd.call("/v3/lease/revoke", {"ID": str(lease_id)})
            except EtcdError as error:
                _log.warning("lease %x: %s", lease_id, error)
                if "not found" in str(error):
                    return
            else:
                _log.info("lease %x revoked", lease_id)
                return
