"""From a host's journal to the files of the logs' host: nothing lost, nothing doubled, nobody in another's name."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path

import pytest

from dingli.pki import Usage
from tests.waiting import wait_for

from .conftest import Authority, Host, Server, cursor, line

pytestmark = pytest.mark.slow


def numbers(*wanted: int) -> list[str]:
    return [f"number {number}" for number in wanted]


def received(sender: socket.socket) -> bytes:
    """What the other side still says; nothing if it has closed the connection."""
    try:
        return sender.recv(1000)
    except (ConnectionError, ssl.SSLError):
        return b""


def answer(server: Server, certificate: dict[str, str] | None) -> bytes:
    """What somebody with this certificate is told, if anything, for a line."""
    try:
        with server.connect(certificate) as sender:
            sender.sendall(line(1))
            return received(sender)
    except (ConnectionError, ssl.SSLError):
        return b""


def hello(sender: ssl.SSLSocket) -> dict[str, str | None]:
    with sender.makefile("rb") as lines:
        answer: dict[str, str | None] = json.loads(lines.readline())
    return answer


def test_what_a_host_logs_arrives_as_it_is_logged(server: Server, host: Host) -> None:
    host.log(1, 2)
    server.start()
    host.start()
    wait_for(lambda: server.messages("one") == numbers(1, 2))
    host.log(3)
    wait_for(lambda: server.messages("one") == numbers(1, 2, 3))


def test_nothing_is_lost_or_doubled_when_the_server_dies_and_comes_back(server: Server, host: Host) -> None:
    server.start()
    host.start()
    host.log(1, 2)
    wait_for(lambda: server.messages("one") == numbers(1, 2))
    server.kill()
    host.log(3, 4)
    wait_for(lambda: "nothing can be sent" in host.said)
    server.start()
    wait_for(lambda: server.messages("one") == numbers(1, 2, 3, 4))


def test_nothing_is_lost_or_doubled_when_the_sender_dies_and_comes_back(server: Server, host: Host) -> None:
    server.start()
    host.start()
    host.log(*range(500))
    wait_for(lambda: server.messages("one"))
    host.kill()
    host.log(*range(500, 600))
    host.start()
    wait_for(lambda: len(server.messages("one")) >= 600)
    assert server.messages("one") == numbers(*range(600))


def test_a_line_that_a_full_disk_cut_short_is_sent_again(server: Server, host: Host) -> None:
    server.start()
    host.start()
    host.log(1, 2)
    wait_for(lambda: server.messages("one") == numbers(1, 2))
    host.kill()
    (file,) = server.store.files("one")
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-20])
    host.log(3)
    host.start()
    wait_for(lambda: file.path.read_bytes().count(b'"number 3"'))
    parts = file.path.read_bytes().splitlines()
    assert [json.loads(part)["message"] for part in (parts[0], *parts[2:])] == numbers(1, 2, 3)


def test_the_certificate_says_whose_lines_they_are_whatever_the_lines_say(server: Server) -> None:
    server.start()
    with server.connect(server.authority.files("log-one")) as sender:
        assert hello(sender) == {"after": None}
        sender.sendall(line(1, _HOSTNAME="two", host="two", received_us=1))
        wait_for(lambda: server.messages("one") == numbers(1))
    assert server.store.hosts() == ["one"]
    (record,) = [json.loads(stored) for file in server.store.files("one") for stored in file.lines()]
    assert "two" not in json.dumps(record)
    assert record["received_us"] > 1_000_000


def test_a_certificate_that_stands_for_no_host_writes_nothing(server: Server) -> None:
    server.start()
    assert answer(server, server.authority.files("core-alpha")) == b""
    wait_for(lambda: "refused: the certificate 'core-alpha'" in server.said)
    assert server.store.hosts() == []


@pytest.mark.parametrize("kind", ["no certificate", "another authority", "a server's certificate"])
def test_who_has_no_certificate_of_a_client_is_refused(server: Server, tmp_path: Path, kind: str) -> None:
    certificate: dict[str, str] | None = None
    if kind == "another authority":
        certificate = Authority(tmp_path / "other").files("log-one")
    elif kind == "a server's certificate":
        certificate = Authority(tmp_path / "same", server.authority).files("log-one", Usage.SERVER)
    server.start()
    assert answer(server, certificate) == b""
    assert answer(server, server.authority.files("log-one")) == b'{"after": null}\n', "the right one is let in"
    wait_for(lambda: server.store.hosts() == ["one"])
    assert server.said.count("connected from") == 1


def test_plain_tcp_is_refused(server: Server) -> None:
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sender:
        sender.sendall(line(1))
        assert b"after" not in received(sender)
    assert server.store.hosts() == []


def test_what_is_no_entry_is_left_out_and_the_rest_is_kept(server: Server) -> None:
    server.start()
    without_cursor = b'{"MESSAGE": "x", "__REALTIME_TIMESTAMP": "1"}\n'
    with server.connect(server.authority.files("log-one")) as sender:
        hello(sender)
        sender.sendall(line(1) + b"no json\n[1]\n" + without_cursor + b"\xff\x00\n" + b"[" * 100_000 + b"\n" + line(2))
        wait_for(lambda: server.messages("one") == numbers(1, 2))
    wait_for(lambda: "one sent what is no entry" in server.said)


def test_an_endless_line_does_not_hold_up_what_follows(server: Server) -> None:
    server.start()
    with server.connect(server.authority.files("log-one")) as sender:
        hello(sender)
        for _ in range(20):
            sender.sendall(b"x" * (1 << 20))
        sender.sendall(b"\n" + line(1))
        wait_for(lambda: server.messages("one") == numbers(1))


def test_a_second_connection_of_a_host_ends_the_first(server: Server) -> None:
    """A host that lost its power comes back while its old connection still seems to be there."""
    server.start()
    with server.connect(server.authority.files("log-one")) as first:
        hello(first)
        first.sendall(line(1))
        wait_for(lambda: server.messages("one") == numbers(1))
        with server.connect(server.authority.files("log-one")) as second:
            assert hello(second) == {"after": cursor(1)}
            second.sendall(line(2))
            wait_for(lambda: server.messages("one") == numbers(1, 2))
            assert received(first) == b""


def test_a_sender_does_not_trust_a_server_with_another_address(server: Server, host: Host, tmp_path: Path) -> None:
    """The certificate of the logs' host is good for 127.0.0.1 alone here."""
    settings = json.loads((tmp_path / "one" / "log-ship.json").read_text()) | {"address": "localhost"}
    (tmp_path / "one" / "log-ship.json").write_text(json.dumps(settings))
    server.start()
    host.log(1)
    host.start()
    wait_for(lambda: "nothing can be sent" in host.said)
    assert "CERTIFICATE_VERIFY_FAILED" in host.said
    assert server.store.hosts() == []
