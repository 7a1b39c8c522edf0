"""The lab's machines: systemd containers, made and run by podman in the lab's mount namespace."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import namespace
from lab.command import attempt, run
from lab.exceptions import LabError
from lab.layout import LabHost
from lab.places import RUN, STORAGE

MEMORY_MIB = 2048

# Shared with this machine, so read-only in every host: a setting made on one would be made for all, and for a laptop.
_MACHINE_SETTINGS = ("kernel", "vm", "fs", "dev", "debug", "abi", "user")
_READ_ONLY = (*(f"/proc/sys/{part}" for part in _MACHINE_SETTINGS), "/proc/sysrq-trigger", "/sys")

_ALIVE = ("running", "stopping", "paused")

_CLEARING_S = 15
_POWER_BUTTON = "SIGRTMIN+3"  # what systemd in a container takes for it

_V1_MEMORY = Path("/sys/fs/cgroup/memory")


@dataclass(frozen=True)
class Container:
    """What podman knows of a host's machine. An orphaned one is alive for podman, but has lost its monitor process."""

    name: str
    image: str
    running: bool
    orphaned: bool
    started_at: float


def podman(*argv: str) -> list[str]:
    """A podman command line with the lab's own storage, apart from whatever else podman does on this machine."""
    places = ["--root", str(STORAGE), "--runroot", str(RUN / "containers"), "--tmpdir", str(RUN / "libpod")]
    runtime = ["--runtime=crun", f"--runtime-flag=root={RUN / 'crun'}", "--cgroup-manager=cgroupfs"]
    return namespace.inside("podman", *places, *runtime, "--events-backend=none", *argv)


def image_name(digest: str) -> str:
    return f"localhost/dingli-lab:{digest}"


def has_image(digest: str) -> bool:
    return attempt(podman("image", "exists", image_name(digest))).returncode == 0


def import_image(digest: str, tar: Path) -> None:
    run(podman("import", "--quiet", str(tar), image_name(digest)), timeout_s=180)


def all_containers() -> dict[str, Container]:
    """Every machine of the lab by host name, running or not."""
    listed = json.loads(run(podman("ps", "--all", "--format", "json")) or "[]")
    monitored = set(_monitors().values())
    found = (
        Container(
            name=str(entry["Names"][0]),
            image=str(entry["Image"]).rpartition(":")[2],
            running=entry["State"] == "running",
            orphaned=entry["State"] in _ALIVE and entry["Names"][0] not in monitored,
            started_at=float(entry.get("StartedAt") or 0),
        )
        for entry in listed
    )
    return {container.name: container for container in found}


def lost_for_good(patience_s: float = 3) -> tuple[str, ...]:
    """Hosts whose machine is orphaned and stays so: while one is being switched, it may look like that for a moment."""
    until = time.monotonic() + patience_s
    while orphans := tuple(name for name, machine in all_containers().items() if machine.orphaned):
        if time.monotonic() > until:
            break
        time.sleep(0.2)
    return orphans


def create(host: LabHost, files: bytes, hostname: str = "", shared: Mapping[Path, str] | None = None) -> None:
    """A machine with a new disk; `files` is a tar of what makes it this host and no other.

    Its own name is `hostname`, or else the host's. What is mounted on a folder of `shared` later, the machine sees.
    """
    mounts = [f"--volume={path}:{path}:ro,bind" for path in _READ_ONLY if Path(path).exists()]
    mounts += [f"--volume={folder}:{place}:rslave" for folder, place in (shared or {}).items()]
    run(podman(
        "create", "--name", host.name, "--hostname", hostname or host.name,
        "--network", f"ns:/run/netns/{host.namespace}", "--no-hosts", "--dns=none", "--systemd=always",
        "--privileged", "--stop-signal=SIGKILL", "--log-driver=none",
        "--pids-limit=-1", "--ulimit", "nofile=8192:8192", "--ulimit", "nproc=8192:8192", *_memory_options(), *mounts,
        image_name(host.image), "/sbin/init",
    ))  # fmt: skip
    run(podman("cp", "-", f"{host.name}:/"), stdin=files)


def start(host: LabHost) -> None:
    """Power to a machine that has its disk. Its network namespace must exist.

    The runtime may still be clearing away what a power cut left; until it has, it says that the machine exists already.
    """
    command, until = _limited(host.name, podman("start", host.name)), time.monotonic() + _CLEARING_S
    while b"already exists" in (done := attempt(command, timeout_s=60)).stderr and time.monotonic() < until:
        attempt(podman("container", "cleanup", host.name), timeout_s=30)
    if done.returncode != 0:
        run(command, timeout_s=60)


def kill(name: str) -> None:
    """Take the power away from everything that runs on a host, without a word to any of it."""
    run(podman("stop", "--time", "0", "--ignore", name), timeout_s=60)


def shut_down(name: str, patience_s: float) -> None:
    """Ask a machine to end by itself, as its power button does; what does not end in time is killed."""
    attempt(podman("kill", "--signal", _POWER_BUTTON, name), timeout_s=30)
    until = time.monotonic() + patience_s
    while name in alive() and time.monotonic() < until:
        time.sleep(0.1)
    kill(name)


def alive() -> frozenset[str]:
    """The hosts whose machine has power, found without podman, which takes its time."""
    return frozenset(_monitors().values())


def remove(name: str) -> None:
    """One machine with its disk, running or not."""
    run(podman("rm", "--force", "--time", "0", "--ignore", name), timeout_s=60)
    with suppress(OSError):
        (_V1_MEMORY / "dingli-lab" / name).rmdir()


def remove_all() -> None:
    """Every machine with its disk, running or not."""
    command = podman("rm", "--force", "--time", "0", "--all")
    if attempt(command, timeout_s=120).returncode != 0:
        end_leftovers()
        run(command, timeout_s=120)


def console(name: str) -> list[str]:
    return podman("exec", "--interactive", "--tty", name, "/bin/bash", "-l")


def end_leftovers(deadline_s: float = 10) -> int:
    """Kill what a lost lab left running: each machine's monitor and the machine below it. Says how many there were."""
    monitors = list(_monitors())
    for monitor in monitors:
        for child in _children(monitor):
            _signal(child)
        _signal(monitor)
    until = time.monotonic() + deadline_s
    while any(Path(f"/proc/{pid}").exists() for pid in monitors):
        if time.monotonic() > until:
            raise LabError(f"processes {monitors} of an old lab do not end", remedy="restart this machine")
        time.sleep(0.05)
    return len(monitors)


def _monitors() -> dict[int, str]:
    """Process and host of every monitor of this lab."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argv[0].endswith(b"conmon") and any(str(STORAGE).encode() in word for word in argv):
            found[int(entry.name)] = argv[argv.index(b"-n") + 1].decode() if b"-n" in argv else ""
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _memory_options() -> list[str]:
    """On a machine with plain cgroup v2, podman sets the limit."""
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    if controllers.is_file() and "memory" in controllers.read_text().split():
        return [f"--memory={MEMORY_MIB}m"]
    return []


def _limited(name: str, argv: list[str]) -> list[str]:
    """On hybrid cgroups the memory controller is a v1 one: start the machine from within a group of its own there."""
    if not (_V1_MEMORY / "memory.limit_in_bytes").is_file():
        return argv
    group = _V1_MEMORY / "dingli-lab" / name
    group.mkdir(parents=True, exist_ok=True)
    (group / "memory.limit_in_bytes").write_text(str(MEMORY_MIB * 1024 * 1024))
    return ["sh", "-c", f'echo $$ > "{group}/cgroup.procs"; exec "$@"', "limited", *argv]
