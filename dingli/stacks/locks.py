"""Locks and half-done operations that a killed engine left in the state."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from dingli.exceptions import DingliError

__all__ = ["Lock", "has_pending_operations", "locks_of", "remove_stale"]

_PROJECT = "organization/dingli"


@dataclass(frozen=True)
class Lock:
    """One lock file of the backend."""

    path: Path
    process: int
    host: str
    user: str

    def why_kept(self) -> str | None:
        """Why the lock may not be removed, or None if its holder is certainly dead."""
        if self.host != socket.gethostname():
            return f"it belongs to {self.user} on another machine, {self.host}"
        try:
            program = Path(f"/proc/{self.process}/comm").read_text().strip()
        except OSError:
            return None
        if program != "pulumi":
            return None  # the number was given to another program since
        return f"process {self.process} of {self.user} is running"


def locks_of(backend: Path, stack: str) -> list[Lock]:
    """The locks of a stack in a file backend."""
    found = []
    for path in sorted((backend / ".pulumi" / "locks" / _PROJECT / stack).glob("*.json")):
        data = json.loads(path.read_text())
        found.append(Lock(path, int(data["pid"]), data["hostname"], data["username"]))
    return found


def remove_stale(backend: Path, stack: str) -> bool:
    """Remove locks of dead processes of this machine; True if there were any. Raises if one is not to be removed."""
    removed = False
    for lock in locks_of(backend, stack):
        reason = lock.why_kept()
        if reason is not None:
            raise DingliError(
                f"the stack {stack} is locked: {reason}", "no other operation", f"wait for it; the lock is {lock.path}"
            )
        lock.path.unlink(missing_ok=True)
        removed = True
    return removed


def has_pending_operations(backend: Path, stack: str) -> bool:
    """True if the engine was killed in the middle of a step."""
    state = backend / ".pulumi" / "stacks" / "dingli" / f"{stack}.json"
    if not state.exists():
        return False
    deployment = json.loads(state.read_text()).get("checkpoint", {}).get("latest") or {}
    return bool(deployment.get("pending_operations"))
