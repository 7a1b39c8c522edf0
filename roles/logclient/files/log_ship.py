#!/usr/bin/python3 -I
"""Sends this host's journal to the central logs, over TLS with a certificate on both sides.

    log-ship CONFIGURATION

The journal is the queue: it is on this host's disk for months, and the server says with its first line which entry of
this host it has last. So nothing is kept here, and nothing is lost or doubled when either side is away or dies: after
any interruption sending goes on behind what has been stored. Standard library alone; entries are passed on as
journalctl writes them and are not looked into, which keeps an emulated host idle.
"""

import contextlib
import json
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_COMM,_PID,_UID,_TRANSPORT,_BOOT_ID"
CONNECT_S = 10
DEAD_AFTER_S = 20  # a server without power sends no reset
FIRST_RETRY_S, LAST_RETRY_S = 1, 15
_MOST_HELLO_BYTES = 4096
_CHUNK_BYTES = 65536


class Lost(Exception):
    """The connection ended, or could not be made."""


def connect(settings: dict) -> ssl.SSLSocket:
    """A connection to the server that has proven to be the one at this address."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings["cert"], settings["key"])
    plain = socket.create_connection((settings["address"], settings["port"]), timeout=CONNECT_S)
    try:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_S * 1000)
        return context.wrap_socket(plain, server_hostname=settings["address"])
    except BaseException:
        plain.close()
        raise


def last_stored(server: ssl.SSLSocket) -> str | None:
    """The cursor of the last entry that the server has of this host, from its first line."""
    hello = b""
    while not hello.endswith(b"\n") and len(hello) < _MOST_HELLO_BYTES:
        received = server.recv(_MOST_HELLO_BYTES)
        if not received:
            raise Lost("the server closed the connection before it said what it has")
        hello += received
    try:
        after = json.loads(hello)["after"]
    except (ValueError, KeyError, TypeError):
        raise Lost(f"not understood: {hello[:80]!r}") from None
    return str(after) if after else None


def journalctl(after: str | None) -> list[str]:
    """The command that prints every entry behind a cursor, and then goes on with what is being logged."""
    command = ["journalctl", "--quiet", "--output=json", "--all", f"--output-fields={FIELDS}", "--follow", "--no-tail"]
    return [*command, *([f"--after-cursor={after}"] if after else [])]


def send(server: ssl.SSLSocket, after: str | None) -> None:
    """Send until the server is lost. Raises Lost."""
    with subprocess.Popen(journalctl(after), stdout=subprocess.PIPE) as reader:
        try:
            assert reader.stdout is not None
            while True:
                readable, _, _ = select.select([reader.stdout.fileno(), server.fileno()], [], [])
                if server.fileno() in readable and not server.recv(_CHUNK_BYTES):
                    raise Lost("the server closed the connection")
                if reader.stdout.fileno() in readable:
                    entries = reader.stdout.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]
                    if not entries:
                        raise Lost(f"journalctl ended with {reader.wait()}")
                    server.sendall(entries)
        finally:
            reader.kill()


def ship(settings: dict) -> None:
    """One connection, from its start to its end. Always raises Lost."""
    try:
        with contextlib.closing(connect(settings)) as server:
            after = last_stored(server)
            server.settimeout(DEAD_AFTER_S)
            where = f"behind {after}" if after else "from the first entry"
            print(f"connected to {settings['address']}:{settings['port']}, sending {where}", flush=True)
            send(server, after)
    except OSError as error:  # ssl's errors, too
        raise Lost(str(error)) from error


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    told, wait_s = "", FIRST_RETRY_S
    while True:
        began = time.monotonic()
        try:
            ship(settings)
        except Lost as error:
            if time.monotonic() - began > LAST_RETRY_S:
                told, wait_s = "", FIRST_RETRY_S
            if str(error) != told:  # not every few seconds: these lines are to be sent themselves
                told = str(error)
                print(f"<4>nothing can be sent: {told}; the journal keeps what is written meanwhile", flush=True)
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, LAST_RETRY_S)


if __name__ == "__main__":
    main()
