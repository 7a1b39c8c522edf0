"""Asking hosts that do not answer: they are said to be unreached, and nobody waits for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.status import Hosts
from tests.unit.status import observed

pytestmark = pytest.mark.slow


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Connections are taken by the kernel, and nobody ever says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def behind_it(tmp_path: Path, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The lab as if each site stood behind a jump host at that port."""
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    return load(observed.behind_port(tmp_path / "lab.yaml", silent_port))


def test_hosts_that_hang_are_unreached_within_ten_seconds_and_asked_again_at_the_next_look(
    behind_it: Environment,
) -> None:
    with Hosts(behind_it) as hosts:
        for _ in range(2):
            began = time.monotonic()
            seen = hosts.look()
            assert time.monotonic() - began < 10
            assert set(seen) == set(behind_it.hosts)
            assert all(one.trouble and "no answer within" not in one.trouble for one in seen.values())
