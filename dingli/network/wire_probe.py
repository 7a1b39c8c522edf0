"""Runs on a host, from standard input, as any account: tries connections, many at once, and says what listens here.

The standard library of Python 3.9 must do: `python3 -I -` reads this file and a last line that calls `main`.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
import time
from pathlib import Path
from typing import Any

OPEN, REFUSED, SILENT, DENIED = "open", "refused", "silent", "denied"
PATIENCE_S = 2.5  # the kernel says its first word a second time after one second
MOST_AT_ONCE = 128
NTP_QUESTION = bytes([0x23]) + bytes(47)
_TOLD = {errno.ECONNREFUSED: REFUSED, errno.ECONNRESET: OPEN, errno.ETIMEDOUT: SILENT}
_LISTENING, _ANY_UDP = "0A", "07"


def probe(targets: list[list[Any]]) -> list[str]:
    """What came of each `[protocol, address, port]`. In UDP a time source is asked for the time."""
    answers: list[str] = [SILENT] * len(targets)
    waiting = list(enumerate(targets))[::-1]
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            while waiting and len(selector.get_map()) < MOST_AT_ONCE:
                number, (protocol, address, port) = waiting.pop()
                _begin(selector, answers, number, protocol, (address, port))
            _advance(selector, answers)
    return answers


def _begin(
    selector: selectors.BaseSelector, answers: list[str], number: int, protocol: str, address: tuple[str, int]
) -> None:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    opened = socket.socket(socket.AF_INET, kind)
    opened.setblocking(False)
    try:
        opened.connect(address)
        if protocol == "udp":
            opened.send(NTP_QUESTION)
    except BlockingIOError:
        pass
    except OSError as error:
        answers[number] = _TOLD.get(error.errno or 0, DENIED)
        opened.close()
        return
    event = selectors.EVENT_WRITE if protocol == "tcp" else selectors.EVENT_READ
    selector.register(opened, event, (number, protocol, time.monotonic() + PATIENCE_S))


def _advance(selector: selectors.BaseSelector, answers: list[str]) -> None:
    if not selector.get_map():
        return
    for key, _ in selector.select(0.05):
        number, protocol, _ = key.data
        answers[number] = _answer(key.fileobj, protocol)
        selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr]
    now = time.monotonic()
    for key in [key for key in selector.get_map().values() if key.data[2] < now]:
        selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr]


def _answer(opened: Any, protocol: str) -> str:
    try:
        if protocol == "udp":
            opened.recv(512)
            return OPEN
        error: int = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError as refused:
        error = refused.errno or errno.EIO
    return OPEN if error == 0 else _TOLD.get(error, DENIED)


def listening() -> list[list[Any]]:
    """`[protocol, port]` of every socket here that others could reach."""
    found = set()
    for protocol, state in (("tcp", _LISTENING), ("udp", _ANY_UDP)):
        for version in ("", "6"):
            found |= {(protocol, port) for port in _ports(f"/proc/net/{protocol}{version}", state)}
    return [list(one) for one in sorted(found)]


def _ports(path: str, state: str) -> set[int]:
    ports: set[int] = set()
    try:
        with Path(path).open(encoding="ascii") as table:
            lines = table.readlines()[1:]
    except OSError:  # a kernel without IPv6
        return ports
    for line in lines:
        local, found = line.split()[1], line.split()[3]
        address, _, port = local.partition(":")
        if found == state and not _is_loopback(address):
            ports.add(int(port, 16))
    return ports


def _is_loopback(address: str) -> bool:
    """As the kernel writes it, in the byte order of the machine (little on every one that we know)."""
    return address[-2:] == "7F" if len(address) == 8 else address == "0" * 24 + "01000000"


def main(targets: list[list[Any]] | None = None) -> None:
    """Print what was found, as JSON."""
    print(json.dumps({"answers": probe(targets or []), "listening": listening()}))
