"""One long watch over the journal and the small keys, read by a thread."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from base64 import b64encode
from queue import Queue
from typing import Any, NamedTuple

from dingli_minicore.etcd import Etcd, Kv
from dingli_minicore.exceptions import EtcdError

__all__ = ["Watch", "WatchBroken", "Watched"]

_log = logging.getLogger("dingli.watch")
_SHORT_S = 1.0


class Watched(NamedTuple):
    """What a watch delivered: (key, whether it was deleted)."""

    watch: Watch
    events: list[tuple[Kv, bool]]


class WatchBroken(NamedTuple):
    """A watch that will deliver nothing more."""

    watch: Watch


class Watch(threading.Thread):
    """Delivers into `inbox` what changes in [start, end) from `revision` on, until it breaks or is stopped."""

    def __init__(self, etcd: Etcd, span: tuple[str, str], revision: int, inbox: Queue[Any], connect_s: float) -> None:
        super().__init__(name="watch", daemon=True)
        self._etcd = etcd
        self._inbox = inbox
        self._connect_s = connect_s
        self._connection: http.client.HTTPConnection | None = None
        self._stopped = False
        self._since = time.monotonic()
        key, end = (b64encode(each.encode()).decode() for each in span)
        create = {"key": key, "range_end": end, "start_revision": str(revision)}
        self._body = json.dumps({"create_request": create}).encode()

    @property
    def short_lived(self) -> bool:
        """Whether the next one had better wait a little."""
        return time.monotonic() - self._since < _SHORT_S

    def stop(self) -> None:
        """End it from another thread; nothing more is to be expected of it."""
        self._stopped = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            try:
                # Not the TLS socket's own shutdown, which takes the session from under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError as error:
                _log.debug("the watch's connection was closed already: %s", error)

    def run(self) -> None:
        """Read until the stream ends."""
        try:
            self._read()
        except (OSError, ValueError, http.client.HTTPException, EtcdError) as error:
            if not self._stopped:
                _log.warning("watch ended: %s %s", type(error).__name__, error)
        finally:
            if self._connection is not None:
                self._connection.close()
            if not self._stopped:
                self._etcd.forget_token()  # no answer of a watch says for certain that its token has expired
                self._inbox.put(WatchBroken(self))

    def _read(self) -> None:
        headers = self._etcd.headers()
        connection = self._connection = self._etcd.open(self._etcd.at, self._connect_s)
        connection.request("POST", "/v3/watch", self._body, headers)
        response = connection.getresponse()
        connection_socket: Any = connection.sock or response.fp
        if isinstance(connection_socket, socket.socket):
            connection_socket.settimeout(None)
        rest = b""
        while not self._stopped:
            data = response.read1(262_144)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line and not self._deliver(json.loads(line)):
                    return

    def _deliver(self, message: dict[str, Any]) -> bool:
        result = message.get("result", {})
        if "error" in message or result.get("canceled"):
            _log.warning("watch cancelled: %s", message.get("error") or result)
            return False
        events = [(Kv.of(each["kv"]), each.get("type") == "DELETE") for each in result.get("events", ())]
        if events:
            self._inbox.put(Watched(self, events))
        return True
