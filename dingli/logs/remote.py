"""The host of the logs, asked over SSH. What is asked goes there on standard input: no shell sees any of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paramiko

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.logs import logs_host
from dingli.exceptions import InputError
from dingli.logs.exceptions import LogsError

__all__ = ["READER", "Answer", "ask", "host_of_logs", "told"]

READER = "dingli-logread"
"""The account that may read the logs, and write nothing."""
_PROGRAM = "/usr/bin/python3 -I /usr/local/lib/dingli/logs"
_NOT_UNDERSTOOD = 2
_PATIENCE_S = 600.0  # between two lines: months of logs may have to be read


def host_of_logs(environment: Environment) -> str:
    """Raises InputError in an environment without central logs."""
    host = logs_host(environment)
    if host is None:
        raise InputError(
            f"{environment.name} has no central logs",
            "a host of an ops site that is not emulated, or logs.host",
            "declare one, then: dingli up " + environment.name,
        )
    return host


class Answer:
    """Records as they come. `end` is there once all have come."""

    def __init__(self, channel: paramiko.Channel, host: str) -> None:
        self.host = host
        self.end: dict[str, Any] | None = None
        self._channel = channel

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Raises LogsError if the answer ends too early."""
        try:
            for line in self._channel.makefile("rb"):
                record = json.loads(line)
                if "end" in record:
                    self.end = record["end"]
                else:
                    yield record
        except (OSError, EOFError, ValueError, paramiko.SSHException) as error:
            raise LogsError(f"{self.host}: {str(error) or 'no answer'}", "the rest of the lines", "ask again") from None
        if self.end is None:
            raise _ended_early(self.host, self._channel)


@contextmanager
def ask(environment: Environment, question: dict[str, Any]) -> Iterator[Answer]:
    """Put a question; closing the context ends a search that goes on."""
    host = host_of_logs(environment)
    with ssh.connect(ssh.target(environment, host)) as connection:
        channel = connection.transport.open_session()
        try:
            channel.settimeout(None if question.get("follow") else _PATIENCE_S)
            channel.exec_command(f"sudo -n -u {READER} {_PROGRAM} search")
            channel.sendall(json.dumps(question).encode() + b"\n")
            yield Answer(channel, host)
        finally:
            channel.close()


def told(environment: Environment, verb: str) -> str:
    """What the program on the host of the logs prints for `status`, `ledger` or `sums`."""
    host = host_of_logs(environment)
    with ssh.connect(ssh.target(environment, host)) as connection:
        done = connection.run(f"sudo -n -u {READER} {_PROGRAM} {verb}", timeout_s=_PATIENCE_S, check=False)
    if done.status != 0:
        raise _failed(host, done.status, done.stderr)
    return done.stdout


def _ended_early(host: str, channel: paramiko.Channel) -> LogsError | InputError:
    said = b"".join(channel.makefile_stderr("rb")).decode(errors="replace").strip()
    status = channel.recv_exit_status()
    if status == _NOT_UNDERSTOOD:
        return InputError(said, "", "see `dingli logs --help`")
    return _failed(host, status, said)


def _failed(host: str, status: int, said: str) -> LogsError:
    return LogsError(
        f"{host}: the search ended with {status}: {said.strip()[-500:] or 'nothing said'}",
        "an answer of the central logs",
        "see whether `dingli up` has brought role logserver there",
    )
