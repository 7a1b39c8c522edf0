"""Logons that a FIX gateway has to refuse, and how it treats whoever tries again or says nothing."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from datetime import UTC, datetime
from typing import Any

__all__ = ["logon", "silence", "wrong_logons"]

_TRIES = 5
_PATIENCE_S = 30.0


def logon(cell: str, session: str, password: str, number: int) -> bytes:
    """A FIX 4.4 Logon."""
    fields = [
        ("35", "A"),
        ("34", str(number)),
        ("49", session),
        ("52", datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]),
        ("56", cell),
        ("98", "0"),
        ("108", "30"),
        ("553", session),
        ("554", password),
    ]
    body = "".join(f"{tag}={value}\x01" for tag, value in fields).encode()
    text = b"8=FIX.4.4\x01" + f"9={len(body)}\x01".encode() + body
    return text + f"10={sum(text) % 256:03}\x01".encode()


def wrong_logons(address: tuple[str, int], cell: str) -> dict[str, Any]:
    """Five logons of a session that nobody has, one after the other: each one's answer and how long it took."""
    session = f"AUDIT{secrets.token_hex(3).upper()}"
    attempts = []
    for number in range(1, _TRIES + 1):
        with _secured(address) as connection:
            began = time.monotonic()
            connection.sendall(logon(cell, session, secrets.token_hex(12), 1))
            attempts.append({"attempt": number, **_ending(connection, began)})
    return {"session": session, "attempts": attempts}


def silence(address: tuple[str, int]) -> dict[str, Any]:
    """How long a client may stay connected without logging on."""
    with _secured(address) as connection:
        return _ending(connection, time.monotonic())


def _ending(connection: ssl.SSLSocket, began: float) -> dict[str, Any]:
    """What came until the server ended the connection, or until patience ended."""
    said = b""
    try:
        while more := connection.recv(4096):
            said += more
        ended = True
    except TimeoutError:
        ended = False
    except (ConnectionError, ssl.SSLError):
        ended = True
    answer = said.decode("utf-8", "backslashreplace").replace("\x01", "|")
    return {"answer": answer, "ended": ended, "seconds": round(time.monotonic() - began, 3)}


def _secured(address: tuple[str, int]) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # judged from the certificate's own record
    return context.wrap_socket(socket.create_connection(address, _PATIENCE_S))
