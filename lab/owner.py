"""Whose lab this is, and that only one operation runs on it at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from lab.exceptions import LabError, NotOurs
from lab.places import LOCK, OWNER

LOCK_WAIT_S = 900

# The lab's own processes outlive the commands of the clone that started them.
_OF_THE_LAB = (b"lab.powerd", b"lab.cloud", b"conmon")


class Claim(Enum):
    """How a clone stands to the lab on this machine."""

    FREE = auto()
    OURS = auto()
    FOREIGN = auto()
    ABANDONED = auto()


@dataclass(frozen=True)
class Owner:
    """The clone that brought the lab up."""

    clone: str
    living: tuple[int, ...] = ()


def judge(owner: Owner | None, clone: Path, unattended: bool) -> Claim:
    """May this clone use the lab? Only an unattended run takes a lab over by itself, and only an abandoned one."""
    if owner is None:
        return Claim.FREE
    if owner.clone == str(clone):
        return Claim.OURS
    if unattended and not owner.living:
        return Claim.ABANDONED
    return Claim.FOREIGN


def refuse(owner: Owner, unattended: bool) -> NotOurs:
    """Why not, and what to do."""
    state = f"its processes {', '.join(map(str, owner.living[:5]))} run" if owner.living else "no process of it runs"
    remedy = "wait for them, or end them" if unattended else "run `dingli lab reset` to remove it, or use it from there"
    return NotOurs(
        f"the lab on this machine belongs to the clone {owner.clone} ({state})",
        "one lab per machine, used by the clone that brought it up",
        remedy,
    )


def current() -> Owner | None:
    try:
        clone = str(json.loads(OWNER.read_text(encoding="utf-8"))["clone"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{OWNER} is damaged: {error}", remedy="run `dingli lab reset`") from error
    return Owner(clone, processes_of(Path(clone)))


def take(clone: Path) -> None:
    OWNER.parent.mkdir(parents=True, exist_ok=True)
    OWNER.write_text(json.dumps({"clone": str(clone)}), encoding="utf-8")


def processes_of(clone: Path) -> tuple[int, ...]:
    """Processes that work in a clone or run a program of it, but for this one, its parents, and the lab's own."""
    own = _ancestors(os.getpid())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid in own:
            continue
        try:
            argv = (entry / "cmdline").read_bytes()
            places = [str((entry / "cwd").readlink()), *argv.decode(errors="replace").split("\0")]
        except OSError:
            continue
        of_the_lab = any(mark in argv for mark in _OF_THE_LAB)
        if not of_the_lab and any(place == str(clone) or place.startswith(f"{clone}/") for place in places):
            found.append(pid)
    return tuple(sorted(found))


@contextmanager
def sole_operation(name: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the machine's lab lock. Who waits is told for whom, and not for ever."""
    until = time.monotonic() + LOCK_WAIT_S
    told = False
    with LOCK.open("a+", encoding="utf-8") as lock:
        while not _acquire(lock.fileno()):
            lock.seek(0)
            holder = lock.read().strip() or "another operation"
            if not told:
                tell(f"waiting for {holder}")
                told = True
            if time.monotonic() > until:
                raise LabError(f"{holder} has held the lab for {LOCK_WAIT_S} s", remedy="wait for it, or end it")
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(f"`dingli lab {name}` (process {os.getpid()})")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _acquire(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ancestors(pid: int) -> frozenset[int]:
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            break
    return frozenset(found)
