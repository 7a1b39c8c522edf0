"""The link to the leading core: made anew whenever the leader changes, the link breaks or falls silent."""

import asyncio
import ssl
import struct
import time
from typing import Any, Protocol, cast

import structlog

from dingli_gateway import wire
from dingli_gateway.config import CoreTls, is_loopback
from dingli_gateway.exceptions import LinkError, WireError
from dingli_gateway.leader import Leader, LeaderTracker

__all__ = ["CoreLink", "LinkListener", "client_context"]

# A new leader ends a link or an attempt at once. These only matter where the leader stays, which may be a slow machine.
CONNECT_TIMEOUT_S = 3.0
SILENCE_S = 3.0  # a leader shows an entry every 200 ms
TAKEOVER_S = 5.0  # a core that takes over answers when it has read the log to its end
RETRY_S = 0.05
_WRITE_HIGH = 1 << 20

log = structlog.get_logger()


class LinkListener(Protocol):
    """Who is told of what comes over the link."""

    def hello(self) -> bytes: ...

    def linked(self, welcome: wire.Welcome) -> None: ...

    def unlinked(self) -> None: ...

    def entry(self, entry: wire.Entry) -> None: ...

    def stored(self, stored: wire.Stored) -> None: ...

    def delivered(self) -> None: ...

    def room_changed(self) -> None: ...


def client_context(tls: CoreTls) -> ssl.SSLContext:
    """Mutual TLS 1.2 or newer. Host names are not checked: the leader key says where the leader is."""
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(tls.cert), str(tls.key))
    return context


class _Connection(asyncio.Protocol):
    """One TCP connection to a core."""

    def __init__(self, link: "CoreLink") -> None:
        self._link = link
        self._reader = wire.FrameReader()
        self.transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.welcomed = False
        self.congested = False
        self.last_frame = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's TLS transports are none by their class
        self.transport = transport
        transport.set_write_buffer_limits(high=_WRITE_HIGH)

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self.last_frame = time.monotonic()
        try:
            for kind, body in self._reader.feed(data):
                self._link.frame(self, kind, body)
        except (WireError, LinkError, IndexError, struct.error) as error:
            self.end(f"{type(error).__name__}: {error}")
        self._link.listener.delivered()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(f"connection lost: {exc}" if exc else "the core closed the link")

    def pause_writing(self) -> None:
        self.congested = True
        self._link.listener.room_changed()

    def resume_writing(self) -> None:
        self.congested = False
        self._link.listener.room_changed()

    def end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


class CoreLink:
    """`submit` and `send` while `ready`; everything else happens in `run`."""

    def __init__(self, tracker: LeaderTracker, cell: str, tls: CoreTls | None) -> None:
        self.listener: LinkListener
        self._tracker = tracker
        self._context = None if tls is None else client_context(tls)
        self._core_name = f"core-{cell}"
        self._connection: _Connection | None = None
        self._outgoing: list[bytes] = []
        self._newest = (0, 0)

    @property
    def ready(self) -> bool:
        """Whether a leader has welcomed this gateway."""
        return self._connection is not None and self._connection.welcomed

    @property
    def congested(self) -> bool:
        """Whether the core takes bytes more slowly than they come."""
        return self._connection is not None and self._connection.congested

    def send(self, frame: bytes) -> None:
        """Queue a frame; all that is queued in one turn of the loop goes out in one write."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if frames and self.ready and self._connection is not None and self._connection.transport is not None:
            self._connection.transport.write(b"".join(frames))

    async def run(self) -> None:
        """Hold a link to whoever leads, until cancelled."""
        while True:
            self._tracker.changed.clear()
            leader = self._tracker.current
            if leader is None:
                await self._tracker.changed.wait()
                continue
            try:
                reason = await self._hold(leader)
            except (OSError, LinkError, ssl.SSLError) as error:
                reason = f"{type(error).__name__}: {error}"
            log.info("link_ended", core=leader.core, epoch=leader.epoch, reason=reason)
            await asyncio.sleep(RETRY_S)

    async def _hold(self, leader: Leader) -> str:
        if self._context is None and not is_loopback(leader.host):
            raise LinkError(f"{leader.host} is not on loopback: tls is needed in the configuration")
        transport, connection = await self._connect(leader)
        self._connection = connection
        try:
            self._check_peer(transport)
            transport.write(self.listener.hello())
            return await self._until_ended(connection, leader)
        finally:
            self._connection = None
            self._outgoing.clear()
            transport.abort()
            if connection.welcomed:
                self.listener.unlinked()

    async def _connect(self, leader: Leader) -> tuple[asyncio.Transport, _Connection]:
        """Given up as soon as another core leads: one without power would not even refuse."""
        loop = asyncio.get_running_loop()
        attempt = loop.create_task(
            loop.create_connection(lambda: _Connection(self), leader.host, leader.port, ssl=self._context)
        )
        deadline = loop.time() + CONNECT_TIMEOUT_S
        while not attempt.done() and loop.time() < deadline and self._tracker.current in (None, leader):
            changed = loop.create_task(self._tracker.changed.wait())
            either: tuple[asyncio.Future[Any], ...] = (attempt, changed)
            await asyncio.wait(either, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._tracker.changed.clear()
        if attempt.done():
            return attempt.result()
        attempt.cancel()
        raise LinkError(f"{leader.host}:{leader.port} did not answer, or leads no longer")

    def _check_peer(self, transport: asyncio.Transport) -> None:
        if self._context is None:
            return
        subject = (transport.get_extra_info("peercert") or {}).get("subject", ())
        names = [value for entry in subject for key, value in entry if key == "commonName"]
        if names != [self._core_name]:
            raise LinkError(f"the core's certificate names {names}, expected {self._core_name}")

    async def _until_ended(self, connection: _Connection, leader: Leader) -> str:
        while not connection.ended.done():
            changed = asyncio.ensure_future(self._tracker.changed.wait())
            either: tuple[asyncio.Future[Any], ...] = (connection.ended, changed)
            await asyncio.wait(either, timeout=0.25, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._tracker.changed.clear()
            now = self._tracker.current
            if now is not None and now != leader:
                connection.end(f"{now.core} leads now")
            limit_s = SILENCE_S if connection.welcomed else TAKEOVER_S
            if time.monotonic() - connection.last_frame > limit_s:
                connection.end(f"silent for {limit_s} s")
        return connection.ended.result()

    def frame(self, connection: _Connection, kind: int, body: bytes) -> None:
        """One frame from the core; raises WireError or LinkError where the link has to end."""
        if connection is not self._connection or connection.ended.done():
            return
        if kind == wire.FrameType.ENTRY and connection.welcomed:
            self.listener.entry(wire.decode_entry(body))
        elif kind == wire.FrameType.STORED and connection.welcomed:
            self.listener.stored(wire.decode_stored(body))
        elif kind == wire.FrameType.WELCOME and not connection.welcomed:
            self._welcome(connection, wire.decode_welcome(body))
        elif kind in (wire.FrameType.NOT_LEADER, wire.FrameType.REFUSED):
            raise LinkError(f"{wire.FrameType(kind).name}: {wire.take_string(body, 0)[0].decode()!r}")
        elif kind != wire.FrameType.PONG:
            raise WireError(f"found frame {kind:#x}, which cannot come here")

    def _welcome(self, connection: _Connection, welcome: wire.Welcome) -> None:
        newest = (welcome.generation, welcome.epoch)
        if newest < self._newest:
            raise LinkError(f"welcomed by epoch {newest}, but {self._newest} was seen: a deposed leader")
        self._newest = newest
        connection.welcomed = True
        self.listener.linked(welcome)
