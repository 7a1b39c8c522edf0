"""etcd through its JSON gateway: one caller, several members, a deadline on every call."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dingli_minicore.config import EtcdAccess, Tls
from dingli_minicore.exceptions import EtcdRefused, EtcdUnknown

__all__ = [
    "Etcd",
    "Kv",
    "Reply",
    "absent",
    "created_at",
    "delete",
    "get",
    "get_range",
    "modified_at",
    "present",
    "put",
    "txn_body",
    "value_is",
]

Json = dict[str, Any]

_NOT_DONE = {3, 5, 6, 7, 8, 9, 11, 12, 16}
"""gRPC codes that say that nothing was done; all others leave it open."""
_PROBE_S = 0.2
_TOKEN = ("auth token", "auth store is old", "user name is empty")


class Kv(NamedTuple):
    """A key as etcd holds it."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int

    @classmethod
    def of(cls, data: Json) -> Kv:
        """From the gateway's JSON, which leaves zeros and empty values out."""
        return cls(
            b64decode(data["key"]).decode(errors="surrogateescape"),  # others write here too
            b64decode(data.get("value", "")),
            int(data.get("create_revision", 0)),
            int(data.get("mod_revision", 0)),
            int(data.get("lease", 0)),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """A transaction's answer: the keys of each operation of the branch that ran, in order."""

    succeeded: bool
    revision: int
    kvs: tuple[tuple[Kv, ...], ...]


def _b64(key: str | bytes) -> str:
    return b64encode(key.encode(errors="surrogateescape") if isinstance(key, str) else key).decode()


def _compare(key: str, target: str, field: str, value: Any, result: str = "EQUAL") -> Json:
    return {"key": _b64(key), "target": target, "result": result, field: value}


def created_at(key: str, revision: int) -> Json:
    """The key was created at `revision`."""
    return _compare(key, "CREATE", "create_revision", str(revision))


def absent(key: str) -> Json:
    """There is no such key."""
    return created_at(key, 0)


def present(key: str) -> Json:
    """There is such a key."""
    return _compare(key, "CREATE", "create_revision", "0", "GREATER")


def modified_at(key: str, revision: int) -> Json:
    """The key was last written at `revision`; 0: there is none."""
    return _compare(key, "MOD", "mod_revision", str(revision))


def value_is(key: str, value: bytes) -> Json:
    """The key has this value."""
    return _compare(key, "VALUE", "value", _b64(value))


def put(key: str, value: bytes, lease: int = 0) -> Json:
    """Write a key, under a lease if one is given."""
    return {"request_put": {"key": _b64(key), "value": _b64(value), "lease": str(lease)}}


def delete(key: str) -> Json:
    """Delete a key."""
    return {"request_delete_range": {"key": _b64(key)}}


def get(key: str) -> Json:
    """Read a key."""
    return {"request_range": {"key": _b64(key)}}


def get_range(start: str, end: str, limit: int = 0) -> Json:
    """Read the keys from `start` to before `end`, at most `limit` (0: all)."""
    return {"request_range": {"key": _b64(start), "range_end": _b64(end), "limit": str(limit)}}


def txn_body(compare: list[Json], success: list[Json], failure: list[Json]) -> bytes:
    """The bytes of a transaction, so that the identical ones can be sent again."""
    return json.dumps({"compare": compare, "success": success, "failure": failure}).encode()


def client_context(tls: Tls | None) -> ssl.SSLContext | None:
    """Mutual TLS 1.2 or newer."""
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(tls.ca)
    context.load_cert_chain(tls.cert, tls.key)
    return context


class Etcd:
    """A client of one thread. A call that fails moves on to the next member for the call after it."""

    def __init__(self, access: EtcdAccess, deadline_s: float) -> None:
        self._access = access
        self._deadline_s = deadline_s
        self._context = client_context(access.tls)
        self._connections: dict[int, http.client.HTTPConnection] = {}
        self._token: str | None = None
        self.at = 0
        self.last_date: tuple[int, float, float, str] | None = None
        """(member's index, sent, received, its Date) of the last answer, by the wall clock."""

    def open(self, index: int, timeout_s: float) -> http.client.HTTPConnection:
        """A new connection to a member, not yet connected."""
        url = urlsplit(self._access.endpoints[index])
        host, port = url.hostname or "", url.port or 2379
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._context)

    def headers(self) -> dict[str, str]:
        """With a token, where users are configured."""
        if self._access.user and self._token is None:
            password = Path(self._access.password_file).read_text().rstrip("\n")
            body = json.dumps({"name": self._access.user, "password": password}).encode()
            try:
                self._token = self._post("/v3/auth/authenticate", body, {}, self._deadline_s)["token"]
            except EtcdRefused as error:
                if "authentication is not enabled" not in str(error):
                    raise
                return {}
        return {"Authorization": self._token} if self._token else {}

    def call(self, path: str, body: bytes | Json) -> Json:
        """One call. EtcdRefused: not done. EtcdUnknown: perhaps done."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            return self._post(path, data, self.headers(), self._deadline_s)
        except EtcdRefused as error:
            if not self._access.user or not any(words in str(error) for words in _TOKEN):
                raise
            self.forget_token()
            return self._post(path, data, self.headers(), self._deadline_s)

    def forget_token(self) -> None:
        """Log on again before the next call."""
        self._token = None

    def txn(self, body: bytes) -> Reply:
        """One transaction, made by `txn_body`."""
        data = self.call("/v3/kv/txn", body)
        ranges = (each.get("response_range", {}) for each in data.get("responses", ()))
        kvs = tuple(tuple(Kv.of(kv) for kv in each.get("kvs", ())) for each in ranges)
        return Reply(bool(data.get("succeeded")), int(data["header"]["revision"]), kvs)

    def next_member(self) -> None:
        """Turn to the next member, and drop the connection to this one."""
        self.drop(self.at)
        self.at = (self.at + 1) % len(self._access.endpoints)

    def go_home(self) -> None:
        """Turn back to the first member, which is the nearest, if its host accepts connections."""
        if self.at == 0:
            return
        connection = self.open(0, _PROBE_S)
        try:
            with socket.create_connection((connection.host, connection.port), _PROBE_S):
                self.at = 0
        except OSError:
            return

    def drop(self, index: int) -> None:
        """Close the connection to a member."""
        connection = self._connections.pop(index, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        for index in list(self._connections):
            self.drop(index)

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        connection = self._connections.get(self.at)
        if connection is None or connection.sock is None:  # none yet, or one that the member closed with its answer
            connection = self.open(self.at, timeout_s)
            connection.connect()
            self._connections[self.at] = connection
        return connection

    def _post(self, path: str, body: bytes, headers: dict[str, str], within_s: float) -> Json:
        where = self._access.endpoints[self.at]
        try:
            connection = self._connection(within_s)
            connection.sock.settimeout(within_s)
            sent = time.time()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            data = response.read()
            self.last_date = (self.at, sent, time.time(), response.headers.get("Date", ""))
        except (OSError, http.client.HTTPException) as error:
            self.next_member()
            raise EtcdUnknown(f"{where}{path}: {type(error).__name__} {error}") from error
        try:
            answer: Json = json.loads(data)
        except ValueError as error:
            self.next_member()
            raise EtcdUnknown(f"{where}{path}: status {response.status} with {data[:80]!r}; expected JSON") from error
        self._check(where + path, response.status, answer)
        return answer

    def _check(self, what: str, status: int, answer: Json) -> None:
        failure: Any = answer if status != http.client.OK else answer.get("error")
        if not failure:
            return
        code = failure.get("code", failure.get("grpc_code", 2))
        text = f"{what}: status {status}, code {code}: {failure.get('message') or failure.get('error')}"
        if code in _NOT_DONE:
            raise EtcdRefused(text)
        self.next_member()
        raise EtcdUnknown(text)
