"""Locks and half-done operations that a killed engine left in the state, wherever that is kept."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from dingli.exceptions import DingliError
from dingli.stacks.backend import Backend, checkpoint_key

__all__ = ["Lock", "has_pending_operations", "locks_of", "remove_stale"]

_LOCKS = ".pulumi/locks/organization/dingli"


@dataclass(frozen=True)
class Lock:
    """One lock of the backend; `key` is its place there."""

    key: str
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


def locks_of(backend: Backend, stack: str) -> list[Lock]:
    """The locks of a stack."""
    found = []
    for key in backend.keys(f"{_LOCKS}/{stack}/"):
        content = backend.read(key) if key.endswith(".json") else None
        if content is not None:  # it may have been given back meanwhile
            data = json.loads(content)
            found.append(Lock(key, int(data["pid"]), data["hostname"], data["username"]))
    return found


def remove_stale(backend: Backend, stack: str) -> bool:
    """Remove locks of dead processes of this machine; True if there were any. Raises if one is not to be removed."""
    removed = False
    for lock in locks_of(backend, stack):
        reason = lock.why_kept()
        if reason is not None:
            raise DingliError(
                f"the stack {stack} is locked: {reason}",
                "no other operation",
                f"wait for it, or if its machine is lost for good: pulumi cancel -s {stack} "
                f"(the lock is {backend.place(lock.key)})",
            )
        backend.remove(lock.key)
        removed = True
    return removed


def has_pending_operations(backend: Backend, stack: str) -> bool:
    """True if the engine was killed in the middle of a step."""
    state = backend.read(checkpoint_key(stack))
    if state is None:
        return False
    deployment = json.loads(state).get("checkpoint", {}).get("latest") or {}
    return bool(deployment.get("pending_operations"))
