"""The journal as the archive reads it: the dump of a host's control program, entry by entry."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable

from dingli.archive.exceptions import ArchiveError
from dingli.archive.segment import head_of_entry
from dingli.cell import remote
from dingli.cell.exceptions import CellError
from dingli.environment import CoreKind, Environment
from dingli.ssh import SshError

__all__ = ["Dump", "Journal", "over_ssh"]

Dump = Callable[[int, int], str]
"""JSON lines {"n", "value": base64} of the entries from the first number to the second, as far as there are any."""

_PATIENCE_S = 300.0


class Journal:
    """A cell's entries as etcd holds them. What is read is committed: the dump's reads are linearizable."""

    def __init__(self, cell: str, dump: Dump) -> None:
        self.cell = cell
        self._dump = dump

    def read(self, first: int, last: int) -> list[bytes]:
        """The entries from `first` on, up to `last` or the journal's end. Empty: there are none, or not any more."""
        entries: list[bytes] = []
        for line in self._dump(first, last).splitlines():
            try:
                entry = base64.b64decode(json.loads(line)["value"], validate=True)
            except (ValueError, KeyError, TypeError, binascii.Error):
                raise ArchiveError(f"the dump of cell {self.cell} has a line that is no entry", "JSON lines") from None
            found, expected = head_of_entry(entry).n, first + len(entries)
            if found != expected:
                if not entries:
                    return []  # the journal begins later
                raise ArchiveError(
                    f"cell {self.cell}: entry {found} stands in the journal where {expected} should",
                    "entries without a gap",
                    "see `dingli status`: nothing is archived over a gap",
                )
            entries.append(entry)
        return entries


def over_ssh(environment: Environment, cell: str) -> Journal:
    """Through a host with a main core, the least preferred one first, at the lowest priority: it must cost no order."""
    hosts = [core.host for core in environment.cells[cell].cores if core.kind is CoreKind.MAIN]

    def dump(first: int, last: int) -> str:
        problems = []
        command = f"nice -n 19 /usr/local/sbin/dingli-core-ctl {cell} dump --from {first} --to {last}"
        for host in reversed(hosts):
            try:
                return remote.run(environment, host, command, timeout_s=_PATIENCE_S).stdout
            except SshError as error:
                problems.append(f"{host}: {error.found}")
        raise CellError(
            f"no host with a main core of {cell} answered: {'; '.join(problems)}",
            "one that runs dingli-core-ctl",
            "see `dingli status`",
        )

    return Journal(cell, dump)
