"""A cloud on loopback: moto behind TLS with a CA of its own, and faults on request."""

from __future__ import annotations

import datetime
import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["REGION", "CloudService", "Fault", "error", "lost"]

REGION = "cn-north-1"

Fault = Callable[[Callable[[], Any], dict[str, Any], Any], Any]
"""Given the call as it would have been done, the request and `start_response`: what happens instead."""


def error(code: str, status: int = 400, message: str = "as the test wants it") -> Fault:
    """Nothing is done; the answer is an error."""

    def answer(done: Callable[[], Any], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(f"{status} Refused", [("Content-Type", "text/xml")])
        inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        of_ec2 = f"<Response><Errors>{inner}</Errors><RequestID>1</RequestID></Response>"
        return [(of_ec2 if environ["PATH_INFO"] == "/" else inner).encode()]

    return answer


def lost(done: Callable[[], Any], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """It is done, but nobody is told: the connection breaks."""
    list(done())
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("as the test wants it")


def _key_and_certificate(
    name: str, signer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[1].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
    )
    if signer:
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(loopback, critical=False)
    return key, builder.sign(signer[0] if signer else key, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@dataclass
class CloudService:
    """`calls` are the names of what was asked; `faults` says what happens to the next call of a name."""

    folder: Path
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def start(self) -> None:
        # they take a second to load, which tests without a cloud need not wait for
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        authority = _key_and_certificate("a CA of the test", None)
        key, certificate = _key_and_certificate("127.0.0.1", authority)
        self.ca_file.write_bytes(authority[1].public_bytes(serialization.Encoding.PEM))
        chain = self.folder / "server.pem"
        chain.write_bytes(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler, ssl_context=context
        )
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="cloud", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """An empty cloud without faults."""
        from werkzeug.test import Client

        Client(self._application).post("/moto-api/reset")
        self.calls.clear()
        self.faults.clear()

    def client(self, name: str) -> Any:
        """What somebody at a console has."""
        if name not in self.clients:
            session: Any = boto3.Session("by-hand", "by-hand", region_name=REGION)
            self.clients[name] = session.client(name, endpoint_url=self.endpoint, verify=str(self.ca_file))
        return self.clients[name]

    def on(self, call: str, *faults: Fault) -> None:
        """What happens to the next calls named `call`, such as `RunInstances` or `PUT /bucket?versioning`."""
        self.faults.setdefault(call, []).extend(faults)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
        body = environ["wsgi.input"].read(*([] if chunked else [int(environ.get("CONTENT_LENGTH") or 0)]))
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        name = self._name(environ, body)
        self.calls.append(name)
        waiting = self.faults.get(name)
        if not waiting:
            return self._application(environ, start_response)
        return waiting.pop(0)(lambda: self._application(environ, start_response), environ, start_response)

    @staticmethod
    def _name(environ: dict[str, Any], body: bytes) -> str:
        action = parse_qs(body.decode(errors="replace")).get("Action")
        if environ["PATH_INFO"] == "/" and action:
            return action[0]
        query = environ.get("QUERY_STRING")
        return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{f'?{query}' if query else ''}"
