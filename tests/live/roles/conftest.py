"""The lab's environment with its roles applied, and ways to ask its hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dingli import ssh
from dingli.environment import Environment, load
from tests.live.roles.site_play import Play, apply


class Hosts:
    """Commands on hosts, as root; one connection each."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._open: dict[str, ssh.Connection] = {}

    def run(self, host: str, command: str, *, stdin: str | None = None, check: bool = True) -> ssh.Result:
        if host not in self._open:
            self._open[host] = ssh.connect(ssh.target(self.environment, host), patience_s=60)
        return self._open[host].run(f"sudo -n sh -c '{command}'", stdin=stdin, timeout_s=300, check=check)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


@pytest.fixture(scope="session")
def environment() -> Environment:
    return load("lab")


@pytest.fixture(scope="session")
def hosts(environment: Environment) -> Iterator[Hosts]:
    opened = Hosts(environment)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def native(environment: Environment) -> list[str]:
    """Hosts that are not emulated: quick enough to be asked often."""
    return [host.name for host in environment.hosts.values() if not host.emulated]


@pytest.fixture(scope="session")
def applied(environment: Environment, native: list[str]) -> Play:
    """One run on every host that is not emulated, after which nothing is left to be done there."""
    play = apply(environment, native, ["base", "journal"])
    assert not play.failures
    return play
