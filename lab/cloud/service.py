"""Starting and stopping the cloud's process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import lab
from lab.exceptions import LabError
from lab.layout import LabCloud, Layout
from lab.network import ROUTER
from lab.places import CLOUD, CLOUD_PID, LOGS

__all__ = [
    "CREDENTIAL",
    "LOG",
    "certificate_folder",
    "discard_disks",
    "is_alive",
    "remove",
    "start",
    "stop",
    "was_here",
]

_MODULE = "lab.cloud"
_START_LIMIT_S = 90
"""Loading moto takes seconds, more on a busy machine."""
LOG = LOGS / "cloud.log"
CREDENTIAL = "lab"
"""Any will do."""


def is_alive(cloud: LabCloud) -> bool:
    """True if the process that was started for this very address answers there."""
    try:
        known = json.loads(CLOUD_PID.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return known["cloud"] == asdict(cloud) and _is_ours(known["pid"]) and _listens(cloud)


def start(layout: Layout) -> None:
    """Start it, independent of the caller's life, and wait until it answers. What an earlier one had is gone then."""
    assert layout.cloud is not None
    stop()
    LOGS.mkdir(parents=True, exist_ok=True)
    _hand_over_credentials()
    command = [sys.executable, "-m", _MODULE]
    if layout.cloud.address in layout.gateways:
        command = ["nsenter", f"--net=/run/netns/{ROUTER}", *command]
    cache = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}  # images are in it
    environment = {**cache, "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_root())}
    with LOG.open("ab") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment, start_new_session=True
        )
    CLOUD_PID.write_text(json.dumps({"pid": daemon.pid, "cloud": asdict(layout.cloud)}), encoding="utf-8")
    until = time.monotonic() + _START_LIMIT_S
    while not _listens(layout.cloud):
        if daemon.poll() is not None or time.monotonic() > until:
            raise LabError(
                "the cloud does not start",
                f"an answer at {layout.cloud.address}:{layout.cloud.port} within {_START_LIMIT_S} s",
                f"read {LOG}",
            )
        time.sleep(0.1)


def _hand_over_credentials() -> None:
    """As a cloud's console shows them once: whoever may read the file is let in (here anybody would be)."""
    CLOUD.mkdir(parents=True, exist_ok=True)
    file = CLOUD / "credentials"
    file.touch(mode=0o600)
    file.write_text(f"[default]\naws_access_key_id = {CREDENTIAL}\naws_secret_access_key = {CREDENTIAL}\n")


def stop() -> None:
    """End the process. Its guests stay as they are, until it or the lab is removed or started again."""
    try:
        pid = int(json.loads(CLOUD_PID.read_text(encoding="utf-8"))["pid"])
    except (FileNotFoundError, ValueError):
        return
    if _is_ours(pid):
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 5
        while _is_ours(pid) and time.monotonic() < until:
            time.sleep(0.02)
    CLOUD_PID.unlink(missing_ok=True)


def was_here() -> bool:
    """True if it runs, or left guests."""
    return CLOUD_PID.is_file() or any((CLOUD / "guests").glob("*"))


def discard_disks() -> None:
    """When no guest is left."""
    for part in ("guests", "volumes"):
        shutil.rmtree(CLOUD / part, ignore_errors=True)


def remove() -> None:
    """The process, its guests and its volumes."""
    stop()
    command = [sys.executable, "-m", _MODULE, "--clear"]
    done = subprocess.run(command, cwd=_root(), capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise LabError(f"the cloud is not removed: {done.stderr.strip()[-300:]}", remedy="run `dingli lab up` again")


def _root() -> Path:
    return Path(lab.__file__).resolve().parents[1]


def _listens(cloud: LabCloud) -> bool:
    try:
        socket.create_connection((cloud.address, cloud.port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_ours(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return _MODULE.encode() in words


def certificate_folder() -> Path:
    """Where the CA is that its users need."""
    return CLOUD / "tls"
