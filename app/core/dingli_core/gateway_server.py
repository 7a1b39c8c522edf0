"""The server that gateways connect to: who is told what (docs/protocol.md, section 10)."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from dingli_core import events, frames
from dingli_core.appender import Batch, Pending
from dingli_core.commands import DISCONNECTED, LOGON, SessionCommand
from dingli_core.config import Config, split_address
from dingli_core.exceptions import DecodingError
from dingli_core.frames import Ack, Hello
from dingli_core.machine import Applied, Machine
from dingli_core.sessions import Status

__all__ = ["GatewayServer", "Leadership"]

SLOW_LINK_BYTES = 64 * 1024 * 1024
FULL_QUEUE_COMMANDS = 50_000
HANDSHAKE_S = 10.0
_TURNED_AWAY = (Status.STALE_CONNECTION, Status.REFUSED)
log = structlog.get_logger()


class Leadership(Protocol):
    """What the server asks the core."""

    def submit(self, pending: Pending) -> int:
        """Queues a command; the length of the queue."""

    def leader_address(self) -> str:
        """Where the present leader is; empty if unknown."""

    def surely_leads(self) -> bool:
        """False while the lease may have expired: nobody is welcomed then."""


class GatewayServer:
    """Links of all gateways. While the core does not lead, every Hello is answered with NotLeader.

    While it is taking over, Hellos wait: the gateway then goes on in the moment that the core is ready.
    """

    def __init__(self, config: Config, machine: Callable[[], Machine], core: Leadership) -> None:
        self._config = config
        self._machine = machine
        self.core = core
        self.links: dict[GatewayLink, None] = {}
        """In the order in which they were made: of two that name a connection, the newer one gets its events."""
        self._routes: dict[tuple[str, int], GatewayLink] = {}
        self._leading = False
        self._taking_over = False
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        host, port = split_address(self._config.listen)
        context = _tls_context(self._config)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: GatewayLink(self), host, port, ssl=context, reuse_address=True,
            ssl_handshake_timeout=HANDSHAKE_S if context else None,
        )  # fmt: skip

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for link in list(self.links):
                link.abort()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def take_over(self) -> None:
        self._taking_over = True

    def open(self) -> None:
        """The core leads and is ready."""
        self._leading, self._taking_over = True, False
        for link in list(self.links):
            if link.hello is not None:
                self.welcome(link, link.hello)

    def close_links(self) -> None:
        """The core does not lead (any more)."""
        self._leading = self._taking_over = False
        answer = frames.not_leader_frame(self.core.leader_address())
        for link in list(self.links):
            if link.hello is not None:
                link.close_with(answer)
        self._routes.clear()

    def said_hello(self, link: "GatewayLink", hello: Hello) -> None:
        if self._leading:
            if self.core.surely_leads():
                self.welcome(link, hello)
            # else the next committed entry shows that this core still leads
        elif not self._taking_over:
            link.close_with(frames.not_leader_frame(self.core.leader_address()))

    def welcome(self, link: "GatewayLink", hello: Hello) -> None:
        machine = self._machine()
        link.welcomed = True
        core_id = self._config.core_id
        link.write(frames.welcome_frame(self._config.generation, machine.epoch, machine.head, core_id))
        for name, connection, last_out in hello.connections:
            self._routes[name, connection] = link
            session = machine.sessions.by_name.get(name)
            if session is not None and session.connection == connection:
                answer = frames.stored_frames(0, name, session.missed(last_out))
                link.write(b"".join(answer) or frames.empty_stored_frame(0, name))
        log.info("gateway connected", gateway=hello.gateway, connections=len(hello.connections), head=machine.head)

    def submitted(self, link: "GatewayLink", data: bytes) -> None:
        """Raises DecodingError for what a gateway may not submit."""
        command = frames.decode_submit(data)
        if command.kind == LOGON:
            # What is still read from an older link must not take the events from the one that named the connection.
            self._routes.setdefault((command.session, command.connection), link)
        if self.core.submit(Pending(data, command, link)) >= FULL_QUEUE_COMMANDS:
            for other in self.links:
                other.pause()

    def queue_has_room(self) -> None:
        for link in self.links:
            link.resume()

    def fetched(self, link: "GatewayLink", fetch: frames.Fetch) -> None:
        stored = self._machine().stored(fetch.session, fetch.begin, fetch.end)
        for answer in frames.stored_frames(fetch.request, fetch.session, stored):
            link.write(answer)
        link.write(frames.empty_stored_frame(fetch.request, fetch.session))

    def publish(self, batch: Batch, applied: Applied) -> None:
        """Tells every gateway of a committed and executed entry."""
        if not self.links:
            return
        acks: dict[object, list[Ack]] = {}
        ended: list[tuple[str, int]] = []
        for link, command, outcome in zip(batch.links, batch.commands, applied.outcomes, strict=True):
            if link is not None and isinstance(command, SessionCommand):
                ack = Ack(command.kind, command.session, command.connection, command.in_seq, *outcome)
                acks.setdefault(link, []).append(ack)
                if command.kind == DISCONNECTED or (command.kind == LOGON and ack.status in _TURNED_AWAY):
                    ended.append((command.session, command.connection))
        own: dict[object, list[bytes]] = {}
        for session, connection, encoded in applied.events:
            owner = self._routes.get((session, connection))
            if owner is not None:
                own.setdefault(owner, []).append(encoded)
                if encoded[0] in (events.LOGOUT, events.DISCONNECT):
                    del self._routes[session, connection]  # nothing follows on this connection
        for connection_of in ended:
            self._routes.pop(connection_of, None)
        entry = applied.entry
        for link in list(self.links):
            if link.welcomed:
                own_acks, own_events = acks.get(link, ()), own.get(link, ())
                link.write(frames.entry_frame(entry.generation, entry.epoch, entry.n, entry.time, own_acks, own_events))
            elif link.hello is not None and self._leading:
                self.welcome(link, link.hello)

    def forget(self, link: "GatewayLink") -> None:
        self.links.pop(link, None)
        self._routes = {key: owner for key, owner in self._routes.items() if owner is not link}

    def peer_problem(self, transport: asyncio.Transport) -> str | None:
        """Why this peer is not a gateway of the cell; None if it is."""
        if self._config.tls is None:
            return None
        certificate = transport.get_extra_info("peercert") or {}
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        wanted = f"gateway-{self._config.cell}"
        return None if names == [wanted] else f"certificate names {names}, expected {wanted}"


class GatewayLink(asyncio.Protocol):
    """One gateway's connection."""

    def __init__(self, server: GatewayServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self.hello: Hello | None = None
        self.welcomed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's TLS transports are none by their class
        self._transport = transport
        problem = self._server.peer_problem(transport)
        if problem is not None:
            log.warning("a peer was turned away", problem=problem)
            transport.abort()
            return
        self._server.links[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while len(buffer) - position >= 4 and self._transport is not None:
                length = int.from_bytes(buffer[position : position + 4])
                if not 1 <= length <= frames.MAX_FRAME_BYTES:
                    raise DecodingError(f"a frame of {length} bytes: expected 1 to {frames.MAX_FRAME_BYTES}")
                end = position + 4 + length
                if len(buffer) < end:
                    break
                self._take_frame(buffer[position + 4], bytes(buffer[position + 5 : end]))
                position = end
        except DecodingError as error:
            log.warning("a gateway's link is closed", gateway=self.hello and self.hello.gateway, problem=str(error))
            self.close_with(frames.refused_frame(str(error)))
        del buffer[:position]

    def _take_frame(self, kind: int, body: bytes) -> None:
        if kind == frames.HELLO and self.hello is None:
            self.hello = frames.decode_hello(body)
            self._server.said_hello(self, self.hello)
        elif self.hello is None:
            raise DecodingError(f"first frame {kind:#x}: expected Hello")
        elif kind == frames.PING:
            self.write(frames.pong_frame(frames.decode_ping(body)))
        elif not self.welcomed:
            raise DecodingError(f"frame {kind:#x} before Welcome")
        elif kind == frames.SUBMIT:
            self._server.submitted(self, body)
        elif kind == frames.FETCH:
            self._server.fetched(self, frames.decode_fetch(body))
        else:
            raise DecodingError(f"frame kind {kind:#x} is unknown")

    def write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > SLOW_LINK_BYTES:
            log.warning("a gateway does not read; its link is closed", gateway=self.hello and self.hello.gateway)
            self._transport.abort()

    def close_with(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
            self._transport.close()
            self._transport = None
            # It may take long to close: a core that leads again meanwhile must not welcome it.
            self._server.forget(self)
        self.welcomed = False

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()


def _tls_context(config: Config) -> ssl.SSLContext | None:
    if config.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(config.tls.cert, config.tls.key)
    context.load_verify_locations(config.tls.ca)
    return context
