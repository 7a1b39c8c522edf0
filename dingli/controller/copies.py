"""Copies of the controller's export on hosts of two other sites: those that keep the heads of the evidence.

Role `controller_copies` brings the command there; the copies belong to an account that nobody can log in to.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from dingli.controller.exceptions import ControllerError
from dingli.environment import Environment
from dingli.environment.witnesses import witness_hosts
from dingli.exceptions import DingliError

__all__ = ["Copy", "CopyOutcome", "Dial", "Keeper", "ask", "over_ssh", "send"]

ACCOUNT = "dingli-copies"
COMMAND = "/usr/local/lib/dingli/controller-copies"
_PATIENCE_S = 30
Keeper = Callable[[str, str], str]
"""Runs one command (`list lab`) with standard input on a host; raises DingliError."""
Dial = Callable[[str], AbstractContextManager[Keeper]]
"""Connects to a host by name."""


class Copy(BaseModel):
    """An export on a host, as the host tells of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    made: str
    by: str
    recipient: str
    size: int
    sha256: str
    damaged: str = ""

    def age_s(self, now: datetime) -> float | None:
        """Seconds since it was made; None if it does not say."""
        try:
            return (now - datetime.strptime(self.made, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
        except ValueError:
            return None


@dataclass(frozen=True)
class CopyOutcome:
    """What a host has, the newest first, or why it could not be asked."""

    host: str
    copies: tuple[Copy, ...] = ()
    trouble: str = ""

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        now = datetime.now(UTC)
        rows = [copy.model_dump() | {"age_s": copy.age_s(now)} for copy in self.copies]
        return {"host": self.host, "trouble": self.trouble, "copies": rows}


def send(environment: Environment, data: bytes, dial: Dial | None = None) -> list[CopyOutcome]:
    """Put an export on every host that keeps copies. Trouble is an outcome, not an exception."""
    return _each(environment, dial, f"put {environment.name}", base64.b64encode(data).decode())


def ask(environment: Environment, dial: Dial | None = None) -> list[CopyOutcome]:
    """What every host that keeps copies has."""
    return _each(environment, dial, f"list {environment.name}", "")


def _each(environment: Environment, dial: Dial | None, command: str, stdin: str) -> list[CopyOutcome]:
    connect = dial or over_ssh(environment)

    def one(host: str) -> CopyOutcome:
        try:
            with connect(host) as keeper:
                said = keeper(command, stdin)
            return CopyOutcome(host, tuple(TypeAdapter(list[Copy]).validate_json(said)))
        except ValidationError:
            return CopyOutcome(host, trouble="it answered something that is no list of copies")
        except DingliError as error:
            return CopyOutcome(host, trouble=error.found)

    hosts = witness_hosts(environment)
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        return list(pool.map(one, hosts))


def over_ssh(environment: Environment) -> Dial:
    """The deploy account, acting as the account that owns the copies."""

    @contextmanager
    def dial(host: str) -> Iterator[Keeper]:
        from dingli import ssh  # paramiko takes long to load

        with ssh.connect(ssh.target(environment, host), timeout_s=5) as connection:

            def keeper(command: str, stdin: str) -> str:
                words = ["sudo", "-n", "-u", ACCOUNT, COMMAND, *command.split()]
                result = connection.run(shlex.join(words), stdin=stdin, timeout_s=_PATIENCE_S, check=False)
                if result.status != 0:
                    said = (result.stderr or result.stdout).strip()[-300:]
                    raise ControllerError(said or f"{COMMAND} ended with status {result.status}", "an answer")
                return result.stdout

            yield keeper

    return dial
