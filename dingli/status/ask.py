"""Asking all hosts of an environment at once: one round trip each, and nobody waits for a host that is dead."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping

from dingli import ssh
from dingli.environment import Environment
from dingli.status.answers import HostSeen, parse
from dingli.status.questions import PART_S, script

__all__ = ["Hosts"]

# A host that goes away is an answer; paramiko's threads would write about it into the middle of the screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_CONNECT_S = 3.0
_CONNECT_EMULATED_S = 5.0
_LONGEST_S = 7.0
_CLOSE_S = 1.0


class Hosts:
    """The hosts of an environment. Connections stay open from one look to the next; close it at the end."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._open: dict[str, ssh.Connection] = {}
        self._asking: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes them all at once: each close waits for a thread of its own, that of a dead host the longest."""
        with self._lock:
            closing = [threading.Thread(target=one.close, daemon=True) for one in self._open.values()]
        for thread in closing:
            thread.start()
        deadline = time.monotonic() + _CLOSE_S
        for thread in closing:
            thread.join(max(0.0, deadline - time.monotonic()))

    def look(self) -> Mapping[str, HostSeen]:
        """Every host's answer, or why there is none, within 7 s; a host that is still busy with the last look too."""
        found: dict[str, HostSeen] = {}
        threads = []
        for host in self._environment.hosts:
            with self._lock:
                if host in self._asking:
                    continue
                self._asking.add(host)
            # A daemon: a host that hangs does not keep the program from ending.
            thread = threading.Thread(target=self._ask_into, args=(host, found), name=f"ask {host}", daemon=True)
            thread.start()
            threads.append(thread)
        deadline = time.monotonic() + _LONGEST_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = f"no answer within {_LONGEST_S:.0f} s"
        return {host: found.get(host) or HostSeen(host, late) for host in self._environment.hosts}

    def _ask_into(self, host: str, found: dict[str, HostSeen]) -> None:
        try:
            found[host] = self._ask(host)
        except ssh.SshError as error:
            found[host] = HostSeen(host, error.found)
            with self._lock:
                connection = self._open.pop(host, None)
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.close()
        finally:
            with self._lock:
                self._asking.discard(host)

    def _ask(self, host: str) -> HostSeen:
        with self._lock:
            connection = self._open.get(host)
        if connection is None:
            longest = _CONNECT_EMULATED_S if self._environment.hosts[host].emulated else _CONNECT_S
            connection = ssh.connect(ssh.target(self._environment, host), timeout_s=longest)
            with self._lock:
                self._open[host] = connection
        sent_ns = time.time_ns()
        result = connection.run(
            "sudo -n bash -s", stdin=script(self._environment, host), timeout_s=PART_S + _CONNECT_S, check=False
        )
        if result.status != 0 and not result.stdout:
            return HostSeen(host, f"status {result.status}: {result.stderr.strip()[-200:]}")
        return parse(host, result.stdout, sent_ns, time.time_ns())
