"""Which of the hosts' ports answer the controller: the declared ones, and everything that hosts say they listen on."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from audit.records import Record

__all__ = ["RISKY_PORTS", "reach"]

_TIMEOUT_S = 3.0
# Tried on every host, whatever it says: what worms and scanners look for first.
RISKY_PORTS = (21, 23, 25, 80, 111, 135, 139, 443, 445, 512, 513, 514, 873, 2049, 3306, 3389, 5432, 5900, 6379, 8080)


def reach(owner: str, address: str, ports: Iterable[int]) -> Record:
    """One record of a host: `{port: open | refused | silent | <error>}`."""
    started, before = datetime.now(UTC), time.monotonic()
    wanted = sorted({*ports, *RISKY_PORTS})
    with ThreadPoolExecutor(len(wanted), thread_name_prefix="audit-reach") as pool:
        answers = list(pool.map(lambda port: _answer(address, port), wanted))
    return Record(
        name="reach",
        host=owner,
        command=f"<connect> {address}, {len(wanted)} ports, from the controller",
        exit_status=0,
        started=started,
        duration_s=round(time.monotonic() - before, 3),
        stdout=json.dumps(dict(zip(map(str, wanted), answers, strict=True)), indent=1) + "\n",
        stderr="",
    )


def _answer(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), _TIMEOUT_S):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return str(error.strerror)
