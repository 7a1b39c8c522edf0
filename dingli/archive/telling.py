"""What monitoring hears of the archiver, which runs where nobody asks it: a pulse on the ops hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dingli.archive.placing import Host, on_host
from dingli.environment import Environment
from dingli.exceptions import DingliError

__all__ = ["Pulse", "tell"]

FILE = "/var/lib/prometheus/node-exporter/dingli-archive.prom"
_PUT = 'set -eu; umask 022; cat > "$1.new"; mv "$1.new" "$1"'


@dataclass(frozen=True)
class Pulse:
    """When (seconds since 1970) all that is closed of a cell was last seen to be archived, and up to which entry."""

    cell: str
    at_s: float
    last: int


def tell(environment: Environment, pulses: Iterable[Pulse]) -> list[str]:
    """Write the pulses down on every ops host. Gives what went wrong, a line each: archiving goes on without."""
    text, problems = _metrics(pulses), []
    for host in environment.hosts:
        if not environment.site_of(host).trading:
            try:
                with on_host(environment, host) as there:
                    _put(there, text)
            except DingliError as error:
                problems.append(f"monitoring on {host} was not told: {error}")
    return problems


def _put(host: Host, text: str) -> None:
    host(["sh", "-c", _PUT, "sh", FILE], text)


def _metrics(pulses: Iterable[Pulse]) -> str:
    lines = []
    for pulse in pulses:
        lines.append(f'dingli_archive_seconds{{cell="{pulse.cell}"}} {pulse.at_s:.0f}')
        lines.append(f'dingli_archive_last_entry{{cell="{pulse.cell}"}} {pulse.last}')
    return "".join(line + "\n" for line in lines)
