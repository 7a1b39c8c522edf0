"""The lease: granted at start, renewed only while the core makes progress."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog
from dingli_etcd import Client, EtcdError, LeaseNotFoundError

__all__ = ["LeaseKeeper"]

log = structlog.get_logger()


class LeaseKeeper:
    """Holds the present lease. `announce` tells the supervisor each lease to revoke when this process ends."""

    def __init__(self, client: Client, ttl_s: int, announce: Callable[[int], None]) -> None:
        self._client = client
        self._ttl_s = ttl_s
        self._announce = announce
        self._expires_at = 0.0
        self._progress_at = time.monotonic()
        self._held = False
        self.lease = 0

    def progress(self) -> None:
        """The loop that matters has advanced: a commit when leading, a look at the log when following."""
        self._progress_at = time.monotonic()

    def alive(self, lease: int | None = None) -> bool:
        """False once the lease (or that lease) may have expired by our own clock."""
        return self.lease != 0 and lease in (None, self.lease) and time.monotonic() < self._expires_at

    def release_for_good(self) -> None:
        """No further lease is granted: a quarantined core has none."""
        self._held = True

    async def run(self) -> None:
        while True:
            try:
                await self._renew()
            except LeaseNotFoundError:
                log.warning("the lease is gone; a new one is granted", lease=f"{self.lease:x}")
                self.lease = 0
                continue
            except EtcdError as error:
                log.warning("the lease could not be renewed; trying again", error=str(error))
                await asyncio.sleep(self._ttl_s / 20)
                continue
            await asyncio.sleep(self._ttl_s / 5)

    async def revoke(self) -> None:
        """Gives the lease up, and with it the leader key if it was created under it."""
        if self.lease:
            lease, self.lease = self.lease, 0
            with contextlib.suppress(LeaseNotFoundError):
                await self._client.lease_revoke(lease)

    async def _renew(self) -> None:
        if self._held:
            return
        started = time.monotonic()
        if self.lease == 0:
            lease = await self._client.lease_grant(self._ttl_s)
            self._announce(lease)
            self.lease = lease
            self._expires_at = started + self._ttl_s
        elif started - self._progress_at <= self._ttl_s:
            ttl_s = await self._client.lease_keep_alive(self.lease)
            self._expires_at = started + min(ttl_s, self._ttl_s)
        else:
            log.warning("no progress: the lease is left to expire", seconds=round(started - self._progress_at, 3))
