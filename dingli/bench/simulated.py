"""A network of its own for simulated hosts, and commands that run in it: this machine's network is not touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dingli.bench.commands import BenchFailed
from dingli.bench.simulated_hosts import READY
from dingli.bench.watched import processor_s

__all__ = ["Simulated", "simulated"]

_OWN_NETWORK = ("unshare", "--user", "--map-root-user", "--net")
_LAY_OUT = 'ip link set lo up && ip route add local "$0" dev lo && exec "$@"'


@dataclass(frozen=True)
class Simulated:
    """Hosts that answer."""

    process: int

    @property
    def inside(self) -> tuple[str, ...]:
        """Words before a command that is to reach them."""
        return ("nsenter", f"--target={self.process}", "--user", "--preserve-credentials", "--net", "--")

    @property
    def cpu_s(self) -> float:
        """Processor seconds that being the hosts has taken so far."""
        return processor_s(self.process)


@contextmanager
def simulated(environment: str, supernet: str, clone: Path, variables: Mapping[str, str]) -> Iterator[Simulated]:
    """All hosts of `environment`, as long as the context lasts. Raises BenchFailed if they cannot be made."""
    server = (sys.executable, "-m", "dingli.bench.simulated_hosts", environment)
    process = subprocess.Popen(
        (*_OWN_NETWORK, "sh", "-c", _LAY_OUT, supernet, *server),
        cwd=clone,
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        if process.stdout.readline().strip() != READY:
            raise BenchFailed(
                f"the simulated hosts did not start: {process.stderr.read()[-600:].strip()}",
                f"{READY!r} from a network namespace of its own",
                "user namespaces and iproute2 are needed (see `unshare --user --net true`)",
            )
        yield Simulated(process.pid)
    finally:
        process.kill()
        process.wait()
