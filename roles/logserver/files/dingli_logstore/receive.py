"""Receives entries from hosts over TLS. The name in a sender's certificate says which host it is, nothing else does.

A connection: the server says `{"after": <cursor of the last entry it has of this host, or null>}`, then the host sends
lines of `journalctl --output=json` from there on. There is nothing else to be said: a sender can add lines to its own
host's files, and neither read, change nor remove any. A second connection of a host ends the first, whose host may have
lost its power.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from dingli_logstore import entry
from dingli_logstore.store import Store, day_of

__all__ = ["MOST_LINE_BYTES", "Receiver", "server_context"]

MOST_LINE_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 18
_HANDSHAKE_S = 30
_KEEPALIVE = {socket.TCP_KEEPIDLE: 20, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}


def server_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """TLS that nobody enters without a client's certificate of the environment's authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nobody resumes a session here, and a sender expects nothing but the first line
    context.load_cert_chain(certificate, key)
    return context


class _Lines:
    """Cuts what is received into lines. One that is too long becomes an empty one: it must not hold up the rest."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def whole(self, chunk: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._skipping and lines:
            lines[0], self._skipping = b"", False
        if len(self._rest) > MOST_LINE_BYTES:
            self._rest, self._skipping = b"", True
        return lines


class Receiver:
    """`senders` says for which host a certificate's common name stands."""

    def __init__(self, store: Store, senders: Mapping[str, str]) -> None:
        self.store = store
        self.senders = senders
        self._serving: dict[str, asyncio.Task[None]] = {}
        # A clock that is set back must not write into a day that is closed.
        self._day = {name: file.day for name in store.hosts() for file in store.files(name)}

    async def listen(self, address: str, port: int, context: ssl.SSLContext) -> asyncio.Server:
        """Start to accept connections."""
        return await asyncio.start_server(
            self._accept, address, port, ssl=context, ssl_handshake_timeout=_HANDSHAKE_S, limit=_CHUNK_BYTES
        )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, peer = _common_name(writer), (writer.get_extra_info("peername") or ["?"])[0]
        host = self.senders.get(name)
        try:
            if host is None:
                _say(4, f"refused: the certificate {name!r} from {peer} stands for no host")
                return
            await self._take_over(host)
            _say(6, f"{host} connected from {peer}")
            _keep_alive(writer)
            await self._serve(host, reader, writer)
            _say(6, f"{host} closed its connection")
        except asyncio.CancelledError:
            _say(6, f"{host}: the connection from {peer} is over")
        except (OSError, EOFError) as error:
            _say(4, f"{host or name}: the connection from {peer} broke: {error}")
        finally:
            if host is not None and self._serving.get(host) is asyncio.current_task():
                del self._serving[host]
            writer.transport.abort()

    async def _take_over(self, host: str) -> None:
        """Become the one connection of a host; an earlier one has stopped writing when this returns."""
        while (earlier := self._serving.get(host)) is not None:
            earlier.cancel()
            await asyncio.wait({earlier})
        current = asyncio.current_task()
        assert current is not None
        self._serving[host] = current

    async def _serve(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps({"after": self.store.last_cursor(host)}).encode() + b"\n")
        await writer.drain()
        lines, refused = _Lines(), 0
        while chunk := await reader.read(_CHUNK_BYTES):
            whole = lines.whole(chunk)
            kept, reason = self._keep(host, whole)
            if kept < len(whole) and not refused:
                _say(4, f"{host} sent what is no entry ({reason}); it is left out, and further ones of this connection")
            refused += len(whole) - kept

    def _keep(self, host: str, lines: list[bytes]) -> tuple[int, str]:
        """Store the entries among `lines`: how many, and what is wrong with the last of the others."""
        now = time.time()
        records: list[bytes] = []
        reason = ""
        for line in lines:
            try:
                records.append(entry.encoded(entry.parse(line, int(now * 1_000_000))))
            except entry.NotAnEntry as error:
                reason = str(error)
        if records:
            try:
                self._day[host] = max(day_of(now), self._day.get(host, ""))
                self.store.append(host, self._day[host], b"".join(records))
            except OSError as error:
                _say(2, f"lines of {host} cannot be stored: {error}; it sends them again")
                raise
        return len(records), reason


def run(settings: Mapping[str, Any], store: Store) -> None:
    """Receive until the process is ended."""

    async def serve() -> None:
        receiver = Receiver(store, settings["senders"])
        context = server_context(settings["ca"], settings["cert"], settings["key"])
        server = await receiver.listen(settings["listen"], settings["port"], context)
        _say(6, f"listening at {settings['listen']}:{settings['port']} for {len(receiver.senders)} hosts")
        async with server:
            await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


def _common_name(writer: asyncio.StreamWriter) -> str:
    certificate = writer.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 else ""


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """A host without power sends no reset; its connection would stay for ever."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _say(priority: int, text: str) -> None:
    print(f"<{priority}>{text}", flush=True)
