"""Everything that is asked of a host: one shell script, one round trip, nothing changed.

The script is bash with as few programs as possible: starting one takes a tenth of a second on an emulated host.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from dingli.ssh import SshError

__all__ = ["COMMAND", "Facts", "Listener", "Peer", "RoundTrip", "parse", "script"]

COMMAND = (
    'echo "from=${SSH_CONNECTION%% *}"; '
    "if [ $(id -u) != 0 ] && sudo -n true 2>/dev/null; then exec sudo -n bash -s; else exec bash -s; fi"
)
"""Runs the script as root where that is possible; without sudo it runs all the same, and says so."""

_CONNECT_S = 3
_HEADER = """
echo "begun=$EPOCHREALTIME"
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
. /etc/os-release
echo "uid=$EUID"
echo "arch=$(uname -m)"
echo "os=$ID-$VERSION_ID"
echo "cores=$(nproc)"
while read -r key value _; do [ "$key" = MemTotal: ] && echo "memory_mib=$((value / 1024))"; done < /proc/meminfo
{ read -r _; while read -r _ _ _ available _ folder; do echo "disk=$((available / 1024)) $folder"; done; } \
    < <(df -Pk /var/lib /opt 2>/dev/null)
"""
_PORTS = """
if listening=$(ss -Htlnp 2>/dev/null); then
    echo "listening=known"
    while read -r _ _ _ local _ users; do
        [[ " $wanted " == *" ${local##*:} "* ]] || continue
        comm=- unit=-
        if [[ $users =~ \\(\\(\\"([^\\"]*)\\",pid=([0-9]+) ]]; then
            comm=${BASH_REMATCH[1]// /_}
            while IFS= read -r line; do
                [[ $line =~ ([^/]+\\.(service|scope|socket))$ ]] && unit=${BASH_REMATCH[1]}
            done 2>/dev/null < "/proc/${BASH_REMATCH[2]}/cgroup"
        fi
        echo "listen=${local##*:} $comm $unit"
    done <<< "$listening"
fi
"""
_PACKAGES = """
if command -v dpkg-query >/dev/null; then
    echo "packages=known"
    while read -r name status; do [ "$status" = installed ] && echo "package=$name"; done \
        < <(dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n' $packages 2>/dev/null)
fi
for name in systemctl python3; do command -v "$name" >/dev/null || echo "no_command=$name"; done
"""
# A connection that is refused took one round trip as well: only silence says nothing.
_ROUND_TRIP = r"""
read -r -d '' probe <<'END'
best=
for i in 1 2 3; do
    said=$(begun=$EPOCHREALTIME; { :; } 2>&1 3<>"/dev/tcp/$1/$2"; echo "|$begun $EPOCHREALTIME")
    trouble=${said%|*} times=${said##*|}
    if [[ -n $trouble && $trouble != *"Connection refused"* ]]; then echo "trip=$0 none ${trouble##*: }"; exit; fi
    begun=${times% *} ended=${times#* }
    took=$((10#${ended/./} - 10#${begun/./}))
    if [[ -z $best || $took -lt $best ]]; then best=$took; fi
done
echo "trip=$0 $best"
END
"""
_ROUND_TRIP_TO = 'timeout @SECONDS@ bash -c "$probe" @PEER@ @ADDRESS@ @PORT@\n'
_FOOTER = 'echo "ended=$EPOCHREALTIME"\n'


@dataclass(frozen=True)
class Peer:
    """A host of another site to which the round trip is measured."""

    host: str
    address: str
    port: int


@dataclass(frozen=True)
class RoundTrip:
    """Milliseconds, or None with the reason."""

    ms: float | None
    trouble: str = ""


@dataclass(frozen=True)
class Listener:
    """Who listens on a port: program and systemd unit, `-` if it cannot be seen."""

    port: int
    program: str
    unit: str


@dataclass(frozen=True)
class Facts:
    """What a host says of itself. None and empty where it could not say."""

    arch: str
    os: str
    root: bool
    cores: int
    memory_mib: int
    disk_mib: dict[str, int]
    listeners: tuple[Listener, ...] | None
    packages: frozenset[str] | None
    missing_commands: tuple[str, ...]
    began_s: float
    ended_s: float
    asked_from: str = ""
    """The address that its SSH server saw."""
    round_trips: dict[str, RoundTrip] = field(default_factory=dict)


def script(ports: Iterable[int], packages: Iterable[str], peers: Iterable[Peer]) -> str:
    """The script for one host."""
    wanted = f"wanted={shlex.quote(' '.join(map(str, ports)))}\npackages={shlex.quote(' '.join(packages))}\n"
    trips = [
        _ROUND_TRIP_TO.replace("@SECONDS@", str(_CONNECT_S))
        .replace("@PEER@", peer.host)
        .replace("@ADDRESS@", peer.address)
        .replace("@PORT@", str(peer.port))
        for peer in peers
    ]
    return "".join([wanted, _HEADER, _PORTS, _PACKAGES, _ROUND_TRIP, *trips, _FOOTER])


def parse(name: str, text: str) -> Facts:
    """Facts from the script's output. Raises `SshError` if it did not come to its end."""
    lines = [line.partition("=") for line in text.splitlines() if "=" in line]
    one = {key: value.strip() for key, _, value in lines}
    try:
        return Facts(
            arch=one["arch"],
            os=one["os"],
            root=one["uid"] == "0",
            cores=int(one["cores"]),
            memory_mib=int(one["memory_mib"]),
            disk_mib={folder: int(mib) for mib, folder in _rows(lines, "disk", 2)},
            listeners=tuple(Listener(int(port), comm, unit) for port, comm, unit in _rows(lines, "listen", 3))
            if "listening" in one
            else None,
            packages=frozenset(package for (package,) in _rows(lines, "package", 1)) if "packages" in one else None,
            missing_commands=tuple(command for (command,) in _rows(lines, "no_command", 1)),
            began_s=float(one["begun"]),
            ended_s=float(one["ended"]),
            asked_from=one.get("from", ""),
            round_trips={peer: _trip(told) for peer, told in _rows(lines, "trip", 2)},
        )
    except (KeyError, ValueError) as error:
        raise SshError(
            f"{name}: no readable fact {error} in {text[-300:]!r}", "a Debian system with bash", "look at the machine"
        ) from error


def _rows(lines: list[tuple[str, str, str]], wanted: str, columns: int) -> list[list[str]]:
    """The values under a key, each as its words; what goes beyond the columns stays in the last."""
    return [value.strip().split(" ", columns - 1) for key, _, value in lines if key == wanted]


def _trip(told: str) -> RoundTrip:
    first, _, trouble = told.partition(" ")
    if first == "none":
        return RoundTrip(None, trouble.strip()[-120:])
    return RoundTrip(int(first) / 1000)
