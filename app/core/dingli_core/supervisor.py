"""The parent of a core: revokes its lease in the moment that it ends, and starts it anew."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import structlog
from dingli_etcd import Client, EtcdError, LeaseNotFoundError

from dingli_core.config import Config
from dingli_core.core import etcd_client

__all__ = ["Announced", "Supervisor", "announce_to", "die_with_parent"]

PR_SET_PDEATHSIG = 1
SHORT_LIFE_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
RETRY_S = 0.02
STOP_S = 5.0
KEPT_LEASES = 8
log = structlog.get_logger()


def die_with_parent(parent: int) -> None:
    """The kernel kills this process when its parent dies: nobody would revoke its lease any more."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(f"the supervisor, process {parent}, is gone")


def announce_to(descriptor: int, lease: int) -> None:
    """Tells the supervisor of a lease, before anything is done under it."""
    os.write(descriptor, f"{lease}\n".encode("ascii"))


class Supervisor:
    """Runs one child after the other. It touches the journal only to revoke leases."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        client = etcd_client(self._config)
        warmer = asyncio.create_task(_keep_warm(client))
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            await self._one_life(client)
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > SHORT_LIFE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            if not self._stopping.is_set():
                await _first_of(self._stopping.wait(), asyncio.sleep(pause_s))
        warmer.cancel()
        await client.close()

    async def _one_life(self, client: Client) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "dingli_core", "--config", str(self._path), "--child", str(writing)]
        command += ["--parent", str(os.getpid())]
        child = subprocess.Popen(command, pass_fds=(writing,))
        os.close(writing)
        log.info("core started", pid=child.pid)
        ended = asyncio.Event()
        pidfd = os.pidfd_open(child.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(pidfd, ended.set)
        announced = Announced(reading)
        loop.add_reader(reading, announced.drain)
        try:
            await _first_of(ended.wait(), self._stopping.wait())
            if not ended.is_set():
                child.send_signal(signal.SIGTERM)
                await _first_of(ended.wait(), asyncio.sleep(STOP_S))
                if not ended.is_set():
                    child.kill()
                    await ended.wait()
            announced.drain()
            leases = announced.newest_first()
            code = child.wait()
            await asyncio.gather(*(_revoke(client, lease, self._config.lease_s) for lease in leases))
            log.warning("core ended; its leases are revoked", pid=child.pid, code=code, leases=len(leases))
        finally:
            loop.remove_reader(pidfd)
            loop.remove_reader(reading)
            os.close(pidfd)
            os.close(reading)


class Announced:
    """The leases that a child announces, read as they come: a full pipe would stop the core for good."""

    def __init__(self, reading: int) -> None:
        os.set_blocking(reading, False)
        self._reading = reading
        self._rest = b""
        self._newest: deque[int] = deque(maxlen=KEPT_LEASES)

    def drain(self) -> None:
        """Everything that has been announced by now."""
        try:
            while part := os.read(self._reading, 65536):
                *lines, self._rest = (self._rest + part).split(b"\n")
                self._newest.extend(int(line) for line in lines)
        except BlockingIOError:
            return
        # The end of the pipe: without this the loop would be told of it again and again.
        asyncio.get_running_loop().remove_reader(self._reading)

    def newest_first(self) -> list[int]:
        """The newest is the one that matters; the others are gone already."""
        return list(reversed(self._newest))


async def _revoke(client: Client, lease: int, limit_s: float) -> None:
    """Repeats until etcd has answered, or until the lease has expired by itself."""
    deadline = time.monotonic() + 2 * limit_s
    while time.monotonic() < deadline:
        try:
            await client.lease_revoke(lease)
            return
        except LeaseNotFoundError:
            return
        except EtcdError as error:
            log.warning("the lease could not be revoked; trying again", error=str(error))
            await asyncio.sleep(RETRY_S)


async def _keep_warm(client: Client) -> None:
    """The revocation must not wait for a connection to be made: this asks all members now and then."""
    while True:
        await client.statuses()
        await asyncio.sleep(1.0)


async def _first_of(*awaitables: object) -> None:
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]  # type: ignore[call-overload]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
