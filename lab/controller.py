"""Talking to the power controller, starting and stopping it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lab
from lab.exceptions import LabError
from lab.places import DAEMON_PID, LOGS, SOCKET

_START_LIMIT_S = 10
_ANSWER_LIMIT_S = 90


def ask(request: dict[str, Any], timeout_s: float = _ANSWER_LIMIT_S) -> dict[str, Any]:
    """The controller's answer. LabError if it refuses, or is not there."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout_s)
            link.connect(str(SOCKET))
            link.sendall(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile("rb").readline())
    except (OSError, ValueError) as error:
        raise LabError(f"the power controller does not answer: {error}", remedy="run `dingli lab up`") from error
    if not answer.pop("ok"):
        raise LabError(answer["found"], answer["expected"], answer["remedy"])
    return answer


def is_alive() -> bool:
    try:
        ask({"op": "ping"}, timeout_s=2)
    except LabError:
        return False
    return True


def start() -> None:
    """Start it, independent of the caller's life, unless it is there."""
    if is_alive():
        return
    stop()
    LOGS.mkdir(parents=True, exist_ok=True)
    root = Path(lab.__file__).resolve().parents[1]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root)}
    with (LOGS / "powerd.log").open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "lab.powerd"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + _START_LIMIT_S
    while not is_alive():
        if daemon.poll() is not None or time.monotonic() > until:
            raise LabError("the power controller does not start", remedy=f"read {LOGS / 'powerd.log'}")
        time.sleep(0.05)


def stop() -> None:
    """End it if it lives. Power-offs that it keeps stay written down."""
    try:
        pid = int(DAEMON_PID.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return
    if b"lab.powerd" in _command_line(pid):
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 5
        while _command_line(pid) and time.monotonic() < until:
            time.sleep(0.02)
    for path in (DAEMON_PID, SOCKET):
        path.unlink(missing_ok=True)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
