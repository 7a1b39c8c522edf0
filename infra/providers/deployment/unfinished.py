"""Which hosts a run was changing when it was cut short.

A provider that is killed cannot tell the engine what it reached: the state is the old one, and if the declaration is
taken back, too, nothing would seem to be left to do. So a run is noted on the controller before it begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dingli.environment import state_dir

__all__ = ["Unfinished"]


class Unfinished:
    """The note of one Deployment."""

    def __init__(self, resource_id: str) -> None:
        environment, _, rest = resource_id.partition("/")
        self._file: Path = state_dir(environment) / "unfinished" / f"{rest.replace('/', '--')}.json"

    def hosts(self) -> set[str]:
        """The hosts of runs that did not come to their end."""
        try:
            return set(json.loads(self._file.read_text()))
        except FileNotFoundError:
            return set()

    def begin(self, hosts: Iterable[str]) -> None:
        """Note `hosts`, beside those of earlier runs that were cut short."""
        self._write(self.hosts() | set(hosts))

    def end(self, hosts: Iterable[str]) -> None:
        """Their runs came to their end, and the engine is there to record it."""
        self._write(self.hosts() - set(hosts))

    def _write(self, hosts: set[str]) -> None:
        if not hosts:
            self._file.unlink(missing_ok=True)
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps(sorted(hosts)))
        written.rename(self._file)
