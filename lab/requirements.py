"""Can this machine host a lab? Every reason why not, at once."""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.command import attempt, run
from lab.exceptions import MachineUnfit
from lab.layout import Layout
from lab.places import STATE

PROGRAMS = {
    "podman": "podman",
    "crun": "crun",
    "conmon": "conmon",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "taskset": "util-linux",
    "mount": "mount",
    "ssh-keygen": "openssh-client",
}
_KERNEL_FILE_SYSTEMS = ("overlay", "cgroup2")
_MIN_DISK_GIB = 6
_MIB_PER_HOST = 400

_TUNNELS = Path("/dev/net/tun")
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_HANDLERS = Path("/usr/lib/binfmt.d")


@dataclass(frozen=True)
class Machine:
    """What was found on this machine."""

    root: bool
    system: str
    programs: frozenset[str]
    file_systems: frozenset[str]
    memory_mib: int
    disk_free_gib: float
    emulators: frozenset[str]
    tunnels: bool = True
    routes: tuple[tuple[str, str], ...] = ()
    """(destination, device) of every route that leads somewhere."""


def limitations(machine: Machine, layout: Layout, own_device: str) -> tuple[str, ...]:
    """Why this machine cannot host this lab: nothing, if it can."""
    reasons = []
    if machine.system != "Linux":
        reasons.append(f"it runs {machine.system}; the lab needs Linux")
    if not machine.root:
        reasons.append("this is not root; the lab makes networks and machines: run it with sudo")
    absent = sorted({package for program, package in PROGRAMS.items() if program not in machine.programs})
    if absent:
        reasons.append(f"Debian packages are missing: apt-get install {' '.join(absent)}")
    reasons += [f"its kernel has no {name}" for name in _KERNEL_FILE_SYSTEMS if name not in machine.file_systems]
    foreign = sorted({host.arch for host in layout.hosts} - machine.emulators)
    reasons += [
        f"it cannot run {arch} programs: apt-get install qemu-user-static arch-test, and a kernel with binfmt_misc"
        for arch in foreign
    ]
    if layout.lines and not machine.tunnels:
        reasons.append(f"it has no {_TUNNELS}, through which gateways of lines encrypt: modprobe tun")
    needed = _MIB_PER_HOST * len(layout.hosts)
    if machine.memory_mib < needed:
        reasons.append(f"{machine.memory_mib} MiB of memory are free; {len(layout.hosts)} hosts need {needed}")
    if machine.disk_free_gib < _MIN_DISK_GIB:
        reasons.append(f"{machine.disk_free_gib:.1f} GiB are free below {STATE}; the lab needs {_MIN_DISK_GIB}")
    reasons += _routes_in_the_way(machine, layout, own_device)
    return tuple(reasons)


def check(layout: Layout, own_device: str) -> None:
    """MachineUnfit with everything that is missing."""
    reasons = limitations(examine(), layout, own_device)
    if reasons:
        raise MachineUnfit("this machine cannot host the lab:\n  - " + "\n  - ".join(reasons))


def examine() -> Machine:
    file_systems = Path("/proc/filesystems").read_text(encoding="ascii").split()
    return Machine(
        root=os.geteuid() == 0,
        system=platform.system(),
        programs=frozenset(name for name in PROGRAMS if shutil.which(name)),
        file_systems=frozenset(file_systems),
        memory_mib=_available_mib(),
        disk_free_gib=shutil.disk_usage(_existing(STATE)).free / 2**30,
        emulators=frozenset({platform.machine(), *_emulated()}),
        tunnels=_TUNNELS.exists(),
        routes=_routes(),
    )


def register_emulators(layout: Layout) -> None:
    """Let this machine's kernel run the programs of foreign hosts; what is registered already stays."""
    for arch in {host.arch for host in layout.hosts}:
        register_emulator(arch)


def register_emulator(arch: str) -> None:
    """The same for one architecture; this machine's own needs none."""
    if arch == platform.machine():
        return
    if not (_BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)])
    handler = _BINFMT / f"qemu-{arch}"
    if handler.exists() and _keeps_credentials(handler.read_text(encoding="ascii")):
        return
    if handler.exists():
        handler.write_text("-1", encoding="ascii")
    (_BINFMT / "register").write_bytes(with_credentials((_HANDLERS / f"qemu-{arch}.conf").read_bytes()))


def with_credentials(line: bytes) -> bytes:
    """A handler's line with flag C: without it a set-user-id program such as sudo runs as its caller."""
    head, _, flags = line.strip().rpartition(b":")
    return head + b":" + (flags if b"C" in flags else b"C" + flags)


def _keeps_credentials(handler: str) -> bool:
    return any(line.startswith("flags:") and "C" in line.partition(":")[2] for line in handler.splitlines())


def _emulated() -> list[str]:
    if not shutil.which("arch-test") or not _BINFMT.is_dir():
        return []
    return [path.stem.removeprefix("qemu-") for path in _HANDLERS.glob("qemu-*.conf")]


def _available_mib() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _routes() -> tuple[tuple[str, str], ...]:
    if not shutil.which("ip"):
        return ()
    shown = json.loads(attempt(["ip", "-4", "-json", "route", "show"]).stdout or b"[]")
    return tuple((route["dst"], route["dev"]) for route in shown if "dev" in route and route["dst"] != "default")


def _routes_in_the_way(machine: Machine, layout: Layout, own_device: str) -> list[str]:
    supernet = IPv4Network(layout.supernet)
    return [
        f"its route to {destination} by {device} lies in the lab's {supernet}: give the environment another supernet"
        for destination, device in machine.routes
        if device != own_device and IPv4Network(destination).overlaps(supernet)
    ]
