"""What monitoring hears of the archiver, which runs where nobody asks it: a pulse on the ops hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dingli.archive.placing import Host, on_host
from dingli.environment import Environment
from dingli.exceptions import DingliError

__all__ = ["Pulse", "tell"]

FILE = "/var/lib/prometheus/node-exporter/dingli-archive-{cell}.prom"
"""By cell: there may be an archiver for each."""
_PUT = 'set -eu; umask 022; cat > "$1.new"; mv "$1.new" "$1"'


@dataclass(frozen=True)
class Pulse:
    """When (seconds since 1970) all that is closed of a cell was last seen to be archived, and up to which entry."""

    cell: str
    at_s: float
    last: int


def tell(environment: Environment, pulses: Iterable[Pulse]) -> list[str]:
    """Write the pulses down on every ops host. Gives what went wrong, a line each: archiving goes on without."""
    told, problems = list(pulses), []
    for host in environment.hosts if told else ():
        if not environment.site_of(host).trading:
            try:
                with on_host(environment, host) as there:
                    for pulse in told:
                        _put(there, pulse)
            except DingliError as error:
                problems.append(f"monitoring on {host} was not told: {error}")
    return problems


def _put(host: Host, pulse: Pulse) -> None:
    text = f'dingli_archive_seconds{{cell="{pulse.cell}"}} {pulse.at_s:.0f}\n'
    text += f'dingli_archive_last_entry{{cell="{pulse.cell}"}} {pulse.last}\n'
    host(["sh", "-c", _PUT, "sh", FILE.format(cell=pulse.cell)], text)
