"""The server for gateways: one thread that reads, decodes and writes; what is said is decided by the core's thread."""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from queue import Queue
from typing import Any, NamedTuple

from dingli_minicore import frames
from dingli_minicore.config import Tls
from dingli_minicore.exceptions import MalformedError

__all__ = ["FromLink", "Link", "LinkServer", "server_context"]

_log = logging.getLogger("dingli.links")
_UNSENT = 64 * 1024 * 1024
_CHUNK = 262_144
_DEAD_MS = 10_000
_HANDSHAKE_S = 10.0
_LOOK_S = 1.0


def server_context(tls: Tls) -> ssl.SSLContext:
    """Mutual TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tls.ca)
    context.load_cert_chain(tls.cert, tls.key)
    return context


class FromLink(NamedTuple):
    """What a gateway sent; None: the link has ended."""

    link: Link
    frame: frames.Frame | None


class Link:
    """One connection of a gateway."""

    def __init__(self, sock: socket.socket, peer: str, secure: bool) -> None:
        self.sock = sock
        self.peer = peer
        self.name = ""
        self.connections: set[int] = set()
        """Connections of members that belong to this gateway."""
        self.welcomed = False
        self.closing = False
        self.greeted = False
        self.handshaking = secure
        self.since = time.monotonic()
        self.received = bytearray()
        self._unsent = bytearray()
        self._lock = threading.Lock()

    def send(self, data: bytes, last: bool = False) -> None:
        """Queue bytes; the server's `flush` has them sent. After the `last` ones the link is closed."""
        with self._lock:
            if not self.closing:
                self._unsent += data
                self.closing = last

    @property
    def unsent(self) -> int:
        """Bytes that wait."""
        return len(self._unsent)

    def write(self) -> None:
        """Send what the socket takes."""
        with self._lock:
            chunk = bytes(self._unsent[:_CHUNK])
        sent = self.sock.send(chunk)
        with self._lock:
            del self._unsent[:sent]


class LinkServer(threading.Thread):
    """Accepts gateways whose certificate's CN is `peer_name`; without a TLS context, anybody (loopback only)."""

    def __init__(
        self, address: tuple[str, int], context: ssl.SSLContext | None, peer_name: str, inbox: Queue[Any]
    ) -> None:
        super().__init__(name="links", daemon=True)
        self._context = context
        self._peer_name = peer_name
        self._inbox = inbox
        self._selector = selectors.DefaultSelector()
        self._address = address
        self._listener: socket.socket | None = None
        self._waker, self._woken = socket.socketpair()
        self.links: set[Link] = set()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def open(self) -> None:
        """Listen; before, gateways are refused by the host."""
        self._listener = socket.create_server(self._address, backlog=64)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def flush(self) -> None:
        """Have everything sent that links were given."""
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # it has not even noticed the last ones

    def run(self) -> None:
        """Serve for ever."""
        while True:
            for key, _ in self._selector.select(_LOOK_S):
                if self._listener is not None and key.fileobj is self._listener:
                    self._accept(self._listener)
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                elif key.data in self.links:
                    self._attempt(key.data)
            for link in list(self.links):
                if link.unsent or link.closing:
                    self._attempt(link, reading=False)
                elif link.handshaking and time.monotonic() - link.since > _HANDSHAKE_S:
                    self._end(link, f"no TLS handshake within {_HANDSHAKE_S} s")

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Every entry is sent to every link, so a gateway whose host is gone is noticed by this.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_MS)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError as error:
            _log.warning("a gateway's connection failed: %s", error)
            return
        link = Link(sock, address[0], self._context is not None)
        self.links.add(link)
        self._selector.register(sock, selectors.EVENT_READ, link)

    def _attempt(self, link: Link, reading: bool = True) -> None:
        """Go on with a link as far as its socket allows."""
        wants = selectors.EVENT_READ
        try:
            if link.handshaking:
                self._shake_hands(link)
            if reading:
                self._read(link)
            while link.unsent:
                link.write()
            if link.closing:
                self._end(link, "closed")
                return
        except (ssl.SSLWantWriteError, BlockingIOError):
            wants |= selectors.EVENT_WRITE if link.unsent or link.handshaking else 0
        except ssl.SSLWantReadError:
            pass
        except MalformedError as error:
            self._refuse(link, str(error))
            return
        except OSError as error:
            self._end(link, str(error))
            return
        if link.unsent > _UNSENT:
            self._end(link, f"{link.unsent} bytes unsent")
            return
        self._selector.modify(link.sock, wants | (selectors.EVENT_WRITE if link.unsent else 0), link)

    def _shake_hands(self, link: Link) -> None:
        if not isinstance(link.sock, ssl.SSLSocket):
            return
        link.sock.do_handshake()
        link.handshaking = False
        subject: Any = (link.sock.getpeercert() or {}).get("subject", ())
        names = [value for part in subject for name, value in part if name == "commonName"]
        if names != [self._peer_name]:
            raise ConnectionError(f"the peer is {names}; expected {self._peer_name}")

    def _read(self, link: Link) -> None:
        """Read until the socket has no more, so that nothing stays inside the TLS layer."""
        while True:
            try:
                data = link.sock.recv(_CHUNK)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            if not data:
                raise ConnectionError("the gateway closed the connection")
            link.received += data
            for frame in frames.frames_in(link.received):
                if not link.closing:
                    self._take(link, frames.parse(frame))
            if not isinstance(link.sock, ssl.SSLSocket):
                return

    def _take(self, link: Link, frame: frames.Frame) -> None:
        if isinstance(frame, frames.Ping):
            if not link.greeted:
                raise MalformedError("Ping before Hello")
            link.send(frames.pong(frame.token))
            return
        if isinstance(frame, frames.Hello) == link.greeted:
            raise MalformedError("Hello comes first, and once")
        if not isinstance(frame, frames.Hello) and not link.welcomed:
            raise MalformedError("only Ping may be sent before Welcome")
        if isinstance(frame, frames.Hello):
            link.greeted = True
            link.name = frame.gateway
        self._inbox.put(FromLink(link, frame))

    def _refuse(self, link: Link, text: str) -> None:
        _log.warning("link of %s %s refused: %s", link.peer, link.name, text)
        link.send(frames.refused(text), last=True)
        self._attempt(link, reading=False)

    def _end(self, link: Link, why: str) -> None:
        _log.info("link of %s %s ended: %s", link.peer, link.name, why)
        link.closing = True
        self.links.discard(link)
        self._selector.unregister(link.sock)
        link.sock.close()
        self._inbox.put(FromLink(link, None))
