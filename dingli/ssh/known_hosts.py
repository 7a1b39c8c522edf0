"""The environment's known_hosts file: derived from the keys that were verified when hosts were adopted."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

__all__ = ["KnownHosts", "fingerprint"]


def fingerprint(key: paramiko.PKey) -> str:
    """As `ssh-keygen -l` prints it: `SHA256:` and 43 characters."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class KnownHosts:
    """One line per host, `address key-type key`; a non-standard port as `[address]:port`."""

    path: Path

    @staticmethod
    def label(address: str, port: int = 22) -> str:
        """How OpenSSH and paramiko name a server in this file."""
        return address if port == 22 else f"[{address}]:{port}"

    def remember(self, address: str, port: int, key: paramiko.PKey) -> None:
        """Make `key` the only one known for the address."""
        line = f"{self.label(address, port)} {key.get_name()} {key.get_base64()}"
        with self._lines_for_change() as lines:
            kept = [old for old in lines if not old.startswith(self.label(address, port) + " ")]
            lines[:] = [*kept, line]

    def forget(self, address: str, port: int = 22) -> None:
        """Remove the address; nothing happens if it is not there."""
        with self._lines_for_change() as lines:
            lines[:] = [old for old in lines if not old.startswith(self.label(address, port) + " ")]

    def __contains__(self, server: tuple[str, int]) -> bool:
        label = self.label(*server) + " "
        return self.path.exists() and any(line.startswith(label) for line in self.path.read_text().splitlines())

    @contextmanager
    def _lines_for_change(self) -> Iterator[list[str]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            yield lines
            unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            unfinished.write_text("".join(f"{line}\n" for line in sorted(lines)))
            unfinished.rename(self.path)
