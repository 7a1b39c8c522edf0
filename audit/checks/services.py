"""Tries the services of the environment from the controller: what they agree to, and whether strangers get in.

Nothing here knows a secret: every attempt is one that has to be refused, or ends before a key is agreed. Each record's
output is JSON. A service that cannot be reached gives a record with an exit status, which is judged as an error.
"""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.checks import fix
from audit.checks.tls_hello import SUITES, TLS13_SUITES, VERSIONS, greet
from audit.objects import ObjectKind
from audit.records import Record

__all__ = ["try_service"]

_TIMEOUT_S = 8.0


def try_service(name: str, kind: ObjectKind, declared: dict[str, Any], ca: Path) -> tuple[Record, ...]:
    """All records of one etcd member, core or gateway. Does not raise for one that cannot be reached."""
    address = (str(declared["address"]), int(declared["port"]))
    tries: dict[str, Callable[[], Any]] = {
        "tls": lambda: agreed(address),
        "certificate": lambda: certificate(address, ca),
        "plain": lambda: without_tls(address, kind),
    }
    if "metrics_port" in declared:
        tries["metrics"] = lambda: metrics((address[0], int(declared["metrics_port"])))
    if kind is ObjectKind.ETCD:
        tries["peer-tls"] = lambda: agreed((address[0], int(declared["peer_port"])))
        tries["peer-stranger"] = lambda: as_stranger((address[0], int(declared["peer_port"])))
    if kind is ObjectKind.GATEWAY:
        cell = str(declared["cell"])
        tries["logon"] = lambda: fix.wrong_logons(address, cell)
        tries["silence"] = lambda: fix.silence(address)
    else:
        tries["anonymous"] = lambda: without_certificate(address)
        tries["stranger"] = lambda: as_stranger(address)
    with ThreadPoolExecutor(len(tries), thread_name_prefix=f"audit-{name}") as pool:
        running = {what: pool.submit(_record, name, what, address, attempt) for what, attempt in tries.items()}
        return tuple(one.result() for one in running.values())


def _record(owner: str, what: str, address: tuple[str, int], attempt: Callable[[], Any]) -> Record:
    started, before = datetime.now(UTC), time.monotonic()
    status, out, err = 0, "", ""
    try:
        out = json.dumps(attempt(), indent=1, ensure_ascii=False) + "\n"
    except (OSError, ValueError) as error:
        status, err = 1, f"{type(error).__name__}: {error}"
    return Record(
        name=what,
        host=owner,
        command=f"<{what}> {address[0]}:{address[1]}",
        exit_status=status,
        started=started,
        duration_s=round(time.monotonic() - before, 3),
        stdout=out,
        stderr=err,
    )


def agreed(address: tuple[str, int]) -> dict[str, list[str] | str]:
    """Version to the suites that the server agreed to, or to why it agreed to none."""
    return {name: _agreed(address, version) for name, version in VERSIONS.items()}


def _agreed(address: tuple[str, int], version: int) -> list[str] | str:
    names = TLS13_SUITES if version == VERSIONS["TLSv1.3"] else SUITES
    left, found = dict(names), list[str]()
    while left:
        answer = greet(address, version, tuple(left), _TIMEOUT_S)
        if answer.refusal:
            return found or answer.refusal
        if answer.version != version:
            return found or f"chose 0x{answer.version:04x}"
        if answer.suite not in left:
            raise ValueError(f"{address}: the server chose suite 0x{answer.suite:04x}, which was not offered")
        found.append(left.pop(answer.suite))
    return found


def certificate(address: tuple[str, int], ca: Path) -> dict[str, Any]:
    """The server's certificate as a client that trusts the environment's authority sees it, the address compared."""
    context = ssl.create_default_context(cafile=str(ca))
    with _connected(address) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=address[0]) as secured:
                held = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
                protocol = secured.version()
        except ssl.SSLCertVerificationError as error:
            return {"trusted": False, "problem": error.verify_message}
    key = held.public_key()
    return {
        "trusted": True,
        "protocol": protocol,
        "subject": held.subject.rfc4514_string(),
        "not_after": held.not_valid_after_utc.isoformat(),
        "key": f"{type(key).__name__.lstrip('_')} {getattr(key, 'key_size', 0)}",
        "signature": held.signature_algorithm_oid._name,
    }


def without_tls(address: tuple[str, int], kind: ObjectKind) -> dict[str, Any]:
    """What a client gets that speaks in clear: nothing, or a complaint."""
    if kind is ObjectKind.GATEWAY:
        question = fix.logon("alpha", "AUDIT", "in-clear", 1)
    else:
        question = b"GET /v3/maintenance/status HTTP/1.1\r\nHost: audit\r\nConnection: close\r\n\r\n"
    with _connected(address) as raw:
        return {"answer": _exchange(raw, question)}


def metrics(address: tuple[str, int]) -> dict[str, Any]:
    """What anybody gets who asks for the service's metrics in clear; a port that refuses is a good answer."""
    try:
        with _connected(address) as raw:
            return {"answer": _exchange(raw, b"GET /metrics HTTP/1.1\r\nHost: audit\r\nConnection: close\r\n\r\n")}
    except ConnectionRefusedError:
        return {"answer": ""}


def without_certificate(address: tuple[str, int]) -> dict[str, Any]:
    """What a client gets that shows no certificate."""
    return _attempt(address, None)


def as_stranger(address: tuple[str, int]) -> dict[str, Any]:
    """What a client gets whose certificate another authority signed."""
    with tempfile.TemporaryDirectory(prefix="dingli-audit-") as folder:
        held = Path(folder) / "stranger.pem"
        held.write_bytes(_stranger())
        return _attempt(address, held)


def _attempt(address: tuple[str, int], shown: Path | None) -> dict[str, Any]:
    """In TLS 1.3 a client learns only after its own last message that it was refused: it has to ask something."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the server that is to be choosy
    if shown is not None:
        context.load_cert_chain(shown)
    with _connected(address) as raw:
        try:
            with context.wrap_socket(raw) as secured:
                question = b"GET /v3/maintenance/status HTTP/1.1\r\nHost: audit\r\nConnection: close\r\n\r\n"
                return {"handshake": secured.version(), "answer": _exchange(secured, question)}
        except ssl.SSLError as error:
            return {"refused": error.reason or str(error)}


def _exchange(connection: socket.socket, question: bytes) -> str:
    """The beginning of the answer; "" if the server closed without one, "(silent)" if it said nothing."""
    try:
        connection.sendall(question)
        return connection.recv(400).decode("utf-8", "backslashreplace")
    except ssl.SSLError:
        raise
    except TimeoutError:
        return "(silent)"
    except ConnectionError:
        return ""


def _connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, _TIMEOUT_S)


def _stranger() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])  # the name that would be worth having
    now = datetime.now(UTC)
    held = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return held.public_bytes(serialization.Encoding.PEM) + private
