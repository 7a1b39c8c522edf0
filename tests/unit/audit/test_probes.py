"""Probes of TLS and FIX, tried on servers of the test's own on loopback."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.checks import fix, services
from audit.checks.tls_hello import SUITES, VERSIONS, client_hello, greet
from audit.objects import ObjectKind

Serve = Callable[[socket.socket], object]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(services._stranger())
    return file


@contextmanager
def server(serve: Serve) -> Iterator[tuple[str, int]]:
    """A server that handles every connection in a thread until the test ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection)
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield ("127.0.0.1", listener.getsockname()[1])
    finally:
        listener.close()


def secured(
    identity: Path, answer: bytes, *, ciphers: str = "", oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> Serve:
    def serve(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        context.minimum_version = oldest
        if ciphers:
            context.set_ciphers(ciphers)
        with context.wrap_socket(connection, server_side=True) as inside:
            inside.recv(4096)
            inside.sendall(answer)

    return serve


def test_versions_and_suites_are_what_the_server_agrees_to(identity: Path) -> None:
    with server(secured(identity, b"", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")) as address:
        found = services.agreed(address)
    assert found["TLSv1.2"] == ["ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
    assert "TLS_AES_128_GCM_SHA256" in found["TLSv1.3"]
    for old in ("SSLv3", "TLSv1.0", "TLSv1.1"):
        assert isinstance(found[old], str), found


def test_an_old_version_and_a_weak_suite_are_found_out(identity: Path) -> None:
    weak = "NULL-SHA256:ECDHE-ECDSA-NULL-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"
    with server(secured(identity, b"", ciphers=weak, oldest=ssl.TLSVersion.TLSv1)) as address:
        found = services.agreed(address)
    assert "ECDHE_ECDSA_WITH_NULL_SHA" in found["TLSv1.2"]
    assert "ECDHE_ECDSA_WITH_AES_128_CBC_SHA" in found["TLSv1.0"]


def test_a_server_without_tls_agrees_to_nothing() -> None:
    def banner(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n" + b"x" * 80)

    with server(banner) as address:
        assert "no TLS" in greet(address, VERSIONS["TLSv1.2"], tuple(SUITES), 30).refusal


def test_a_server_that_closes_has_refused() -> None:
    with server(lambda connection: connection.recv(1)) as address:
        assert greet(address, VERSIONS["TLSv1.2"], tuple(SUITES), 30).refusal in ("closed", "reset")


def test_a_greeting_says_how_long_it_is() -> None:
    for version in VERSIONS.values():
        hello = client_hello(version, (0xC02B,))
        assert int.from_bytes(hello[3:5]) == len(hello) - 5
        assert int.from_bytes(hello[6:9]) == len(hello) - 9


def test_a_server_that_asks_for_no_certificate_is_seen_to_answer_strangers(identity: Path) -> None:
    with server(secured(identity, b"HTTP/1.1 200 OK\r\n\r\n")) as address:
        assert services.without_certificate(address)["answer"].startswith("HTTP/1.1 200")
        assert services.as_stranger(address)["answer"].startswith("HTTP/1.1 200")


@pytest.mark.parametrize("mode", [ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL])
def test_a_server_that_looks_at_certificates_is_seen_to_refuse(identity: Path, mode: ssl.VerifyMode) -> None:
    def serve(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        context.verify_mode = mode
        context.load_verify_locations(identity)
        with context.wrap_socket(connection, server_side=True) as inside:
            inside.recv(4096)
            inside.sendall(b"let in")

    with server(serve) as address:
        stranger, anonymous = services.as_stranger(address), services.without_certificate(address)
    assert "refused" in stranger or stranger["answer"] == "", stranger
    let_in = anonymous.get("answer") == "let in"
    assert let_in == (mode is ssl.CERT_OPTIONAL), anonymous


def test_an_untrusted_certificate_is_said_to_be(identity: Path) -> None:
    other = identity.with_name("other.pem")
    other.write_bytes(services._stranger())
    with server(secured(identity, b"")) as address:
        assert services.certificate(address, other)["trusted"] is False


def test_what_is_not_there_is_an_error_in_every_record(identity: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    said = {"address": "127.0.0.1", "port": port, "peer_port": port, "cell": "alpha"}
    for kind in (ObjectKind.ETCD, ObjectKind.CORE, ObjectKind.GATEWAY):
        for record in services.try_service("x", kind, said, identity):
            assert record.exit_status == 1
            assert record.stdout == ""


def test_a_gateway_that_lets_anybody_in_is_seen(identity: Path) -> None:
    with server(secured(identity, b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01")) as address:
        found = fix.wrong_logons(address, "alpha")
    assert [one["attempt"] for one in found["attempts"]] == [1, 2, 3, 4, 5]
    assert all("|35=A|" in one["answer"] for one in found["attempts"])
    assert json.dumps(found)


def test_a_logon_has_the_length_and_sum_that_it_says() -> None:
    text = fix.logon("alpha", "M1", "secret", 1)
    head, _, rest = text.partition(b"\x0135=")
    assert int(head.rpartition(b"9=")[2]) == len(b"35=" + rest) - len(b"10=000\x01")
    assert text.endswith(f"10={sum(text[: -len(b'10=000') - 1]) % 256:03}\x01".encode())
