"""One run at a time on a host, whoever started it and from wherever; the second waits and names the first.

The lock is on the host and held by an SSH session: it goes when its holder does, however that ended. A module that was
still running then is waited for, so that two runs never change a host together.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import socket
import time
from collections.abc import Iterator

import paramiko

from dingli import ssh
from infra.providers.base.cancellation import Cancellation
from infra.providers.base.engine_log import Log
from infra.providers.base.exceptions import ProviderError

__all__ = ["HostLock"]

_PATIENCE_S = 30  # with a server that took the connection, and may be a slow host's

_SCRIPT = r"""
exec 9>>"$HOME/.deployment.lock"
if ! flock -n 9; then echo "held $(cat "$HOME/.deployment.holder" 2>/dev/null)"; flock 9; fi
printf '%%s\n' %(holder)s > "$HOME/.deployment.holder"
told=
while grep -qsa 'BECOME-SUCCES[S]-' /proc/[0-9]*/cmdline; do
    [ -n "$told" ] || echo "busy"; told=1; sleep 0.3
done
echo "locked $(cat /etc/machine-id)"
cat >/dev/null
: > "$HOME/.deployment.holder"
"""


class HostLock:
    """Take with `hold`."""

    def __init__(self, target: ssh.Target, purpose: str, log: Log, cancellation: Cancellation) -> None:
        self._target, self._log, self._cancellation = target, log, cancellation
        started = time.strftime("%Y-%m-%d %H:%M:%S%z")
        self._holder = f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()}), {purpose}, since {started}"

    @contextlib.contextmanager
    def hold(self, machine_id: str) -> Iterator[None]:
        """Wait for the lock and hold it. Raises `SshError`, or `ProviderError` if it is another machine."""
        with (
            ssh.connect(self._target, patience_s=_PATIENCE_S) as connection,
            self._cancellation.interrupting(connection.close),
        ):
            channel = connection.transport.open_session(timeout=20)
            channel.exec_command(_SCRIPT % {"holder": shlex.quote(self._holder)})
            found = self._wait(channel)
            if found != machine_id:
                raise ProviderError(
                    f"{self._target.name} at {self._target.address} is another machine, {found}",
                    machine_id,
                    "`preview --refresh` says what to do",
                )
            yield

    def _wait(self, channel: paramiko.Channel) -> str:
        for line in channel.makefile("r"):
            word, _, rest = line.strip().partition(" ")
            if word == "held":
                self._log.info(f"{self._target.name}: waiting for {rest or 'an unnamed run'}")
            elif word == "busy":
                self._log.info(f"{self._target.name}: waiting for the module of an interrupted run to end")
            elif word == "locked":
                return str(rest)
        self._cancellation.raise_if_requested()
        raise ssh.Unreachable(f"{self._target.name}: the connection ended while waiting for its lock", "a lock")
