"""A clone for the tests of this folder, and hosts left as they were found."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stacks.clone import ENVIRONMENT, FOLDER, SERVICE, Clone

_HOSTS = ("dr-1", "primary-1", "primary-2")


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """One clone for all tests: what one leaves adopted, the next need not adopt again."""
    path: Path = tmp_path_factory.mktemp("clone")
    made = Clone(path, passphrase=f"canary-{secrets.token_hex(16)}")
    made.build()
    yield made
    for host in _HOSTS:
        made.on(
            host, f"systemctl stop {SERVICE}; systemctl reset-failed {SERVICE}; rm -f /etc/systemd/system/{SERVICE}"
        )
        made.on(host, f"systemctl daemon-reload; rm -rf {FOLDER} /var/lib/dingli-copies/{ENVIRONMENT}")


@pytest.fixture
def dr(clone: Clone) -> Clone:
    """The clone with its dr site up, version 1 of the role, nothing hand-made."""
    clone.declare({})
    clone.set_role("1")
    assert clone.up("dr")["ok"]
    return clone
