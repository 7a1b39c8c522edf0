"""An S3 service over TLS on loopback, whose certificate only the archive's own CA vouches for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dingli.environment import Archive
from tests.live.core.conftest import in_a_cell
from tests.live.gateway.certificates import Authority
from tests.live.ports import free_port

__all__ = ["in_a_cell"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """What an environment would declare; the service runs meanwhile."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-secret-access-key")
    folder = tmp_path / "s3"
    folder.mkdir()
    files = Authority(folder).issue("s3")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-s", "-c", files["cert"], "-k", files["key"]], stdout=log, stderr=log, env=os.environ.copy()
        )
    try:
        _wait_for(port, process, folder / "log")
        yield Archive(
            bucket="dingli-archive",
            retention_days=1,
            endpoint=f"https://localhost:{port}",
            ca=files["ca"],
            segment_entries=100,
            trim_after_hours=1,
        )
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"no answer on port {port}"
            time.sleep(0.1)
