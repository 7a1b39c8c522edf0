"""Volumes: folders of the lab, which appear in a guest below /mnt.

Guests have no block devices, because those would be this machine's. So a volume that is attached as /dev/sdf is found
mounted at /mnt/sdf, in a guest that runs, too; it is neither formatted nor limited to its size. What was written stays
over stop and start, and with the volume over the instance.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from lab import namespace
from lab.command import attempt, run
from lab.places import CLOUD

__all__ = ["MOUNTED_AT", "attach", "detach", "erase_all_but", "forget", "forget_all", "prepare"]

MOUNTED_AT = "/mnt"
_VOLUMES = CLOUD / "volumes"
_GUESTS = CLOUD / "guests"


def prepare(guest: str) -> Path:
    """The folder that becomes a guest's /mnt. It is a shared mount, so that what is mounted on it later is seen."""
    folder = _GUESTS / guest
    folder.mkdir(parents=True, exist_ok=True)
    if attempt(namespace.inside("mountpoint", "--quiet", str(folder))).returncode != 0:
        run(namespace.inside("mount", "--bind", str(folder), str(folder)))
        run(namespace.inside("mount", "--make-shared", str(folder)))
    return folder


def attach(volume: str, guest: str, device: str) -> None:
    """Changes nothing if it is there."""
    source, place = _VOLUMES / volume, prepare(guest) / Path(device).name
    for folder in (source, place):
        folder.mkdir(parents=True, exist_ok=True)
    if attempt(namespace.inside("mountpoint", "--quiet", str(place))).returncode != 0:
        run(namespace.inside("mount", "--bind", str(source), str(place)))


def detach(guest: str, device: str) -> None:
    """As when a cable is pulled: nothing waits for files that are open."""
    place = _GUESTS / guest / Path(device).name
    attempt(namespace.inside("umount", "--lazy", str(place)))
    if place.is_dir():
        place.rmdir()


def forget(guest: str) -> None:
    """What a guest that is gone had mounted."""
    folder = _GUESTS / guest
    for place in folder.glob("*"):
        detach(guest, place.name)
    attempt(namespace.inside("umount", "--lazy", str(folder)))
    if folder.is_dir():
        folder.rmdir()


def erase_all_but(volumes: Collection[str]) -> None:
    """Volumes that the API does not know any more."""
    for folder in _VOLUMES.glob("*"):
        if folder.name not in volumes:
            shutil.rmtree(folder)


def forget_all() -> None:
    """What an earlier cloud left, volumes too."""
    for folder in _GUESTS.glob("*"):
        forget(folder.name)
    erase_all_but(())
