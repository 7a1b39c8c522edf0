"""What a run of a playbook did, per host: folded from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["HostOutcome", "Outcome"]


@dataclass
class HostOutcome:
    """`changed` names the tasks that changed something, or in check mode would; `failure` says why it is not done;
    `begun` is False if nothing was even tried on it."""

    changed: list[str] = field(default_factory=list)
    failure: str | None = None
    unreachable: bool = False
    finished: bool = False
    begun: bool = True

    @property
    def done(self) -> bool:
        """True if every task ran and none failed."""
        return self.finished and self.failure is None


@dataclass
class Outcome:
    """Collects events of the hosts of one run."""

    hosts: dict[str, HostOutcome]
    status: str = "not started"

    def take(self, message: Mapping[str, Any]) -> None:
        """One line of the playbook process."""
        if "stats" in message:
            self._finish(message["stats"])
        elif "status" in message:
            self._end(str(message["status"]), str(message["tail"]))
        elif message["host"] in self.hosts:
            host = self.hosts[message["host"]]
            if message["event"] == "ok" and message["changed"]:
                host.changed.append(message["task"])
            elif "message" in message:
                host.failure = f"{message['task']}: {message['message']}"
                host.unreachable = message["event"] == "unreachable"

    def _finish(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        for name, host in self.hosts.items():
            failed = stats["failures"].get(name) or stats["dark"].get(name)
            if not failed:
                host.failure = None  # a rescued task
                host.finished = True
            elif host.failure is None:
                host.failure = "a task failed"

    def _end(self, status: str, tail: str) -> None:
        self.status = status
        if status != "successful" and all(host.failure is None for host in self.hosts.values()):
            for host in self.hosts.values():
                host.finished, host.failure = False, f"the run ended as {status!r}: {tail.strip()}"

    def close(self) -> None:
        """The process has ended: whatever did not finish has failed."""
        for host in self.hosts.values():
            if not host.finished and host.failure is None:
                host.failure = "the run was ended before it was done"
