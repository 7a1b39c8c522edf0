"""Facts of a machine: read in one command, before anything is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dingli.ssh import Connection, SshError

__all__ = ["Facts", "gather", "refusal"]

_SCRIPT = """
. /etc/os-release
echo "arch=$(uname -m)"
echo "os=$ID-$VERSION_ID"
echo "machine_id=$(cat /etc/machine-id)"
echo "cores=$(nproc)"
while read -r key value _; do [ "$key" = MemTotal: ] && echo "memory_mib=$((value / 1024))"; done < /proc/meminfo
echo "python=$(python3 --version 2>/dev/null)"
"""


@dataclass(frozen=True)
class Facts:
    """What a machine says of itself."""

    arch: str
    os: str
    machine_id: str
    cores: int
    memory_mib: int
    python_version: str

    def as_outputs(self) -> dict[str, Any]:
        """As the outputs of a Host."""
        return {"machine_id": self.machine_id, "facts": {k: v for k, v in asdict(self).items() if k != "machine_id"}}


def parse(name: str, text: str) -> Facts:
    """Facts from the script's output. Raises `SshError` if a line is missing."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if not values.get("machine_id"):
        raise SshError(f"{name}: no readable /etc/machine-id", "one that every account can read", "look at the machine")
    try:
        return Facts(
            arch=values["arch"],
            os=values["os"],
            machine_id=values["machine_id"],
            cores=int(values["cores"]),
            memory_mib=int(values["memory_mib"]),
            python_version=values["python"].removeprefix("Python ").strip(),
        )
    except (KeyError, ValueError) as error:
        raise SshError(
            f"{name}: no readable fact {error} in {text[:300]!r}", "a Debian system", "look at it"
        ) from error


def gather(connection: Connection) -> Facts:
    """Ask the machine; changes nothing."""
    return parse(connection.target.name, connection.run("sh -s", stdin=_SCRIPT, timeout_s=60).stdout)


def refusal(facts: Facts, arch: str, os: str) -> str | None:
    """Why a machine with these facts is not the declared one, or None."""
    reasons = []
    if facts.arch != arch:
        reasons.append(f"architecture {facts.arch}, declared {arch}")
    if facts.os != os:
        reasons.append(f"operating system {facts.os}, declared {os}")
    if not facts.python_version:
        reasons.append("no python3, which Ansible needs")
    return "; ".join(reasons) or None
