"""Which images the machines of an environment were made from."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from dingli.environment import Environment, EnvironmentKind
from lab import layout
from lab.golden import FILE
from lab.places import LAYOUT, image_cache

__all__ = ["UsedImage", "images_of"]


@dataclass(frozen=True)
class UsedImage:
    """`name` has the image's name and the beginning of its recipe's sum."""

    name: str
    folder: Path
    hosts: tuple[str, ...]

    @property
    def record(self) -> bytes:
        return (self.folder / FILE).read_bytes()


def images_of(environment: Environment, lab: Path = LAYOUT) -> tuple[UsedImage, ...]:
    """The images that have a record, and the hosts whose machine the lab made from them.

    Without a record are images from before there were any, and those that the cache lost. Of a cloud's machines nobody
    says here what they were made from: their recipe may have changed since.
    """
    if environment.kind is not EnvironmentKind.LAB:
        return ()
    found: dict[str, UsedImage] = {}
    for host, digest in _racks(environment, lab).items():
        declared = environment.hosts[host]
        name = f"{declared.os.value}-{declared.arch.value}-{digest}"
        image = found.get(name, UsedImage(name, image_cache() / digest, ()))
        found[name] = replace(image, hosts=(*image.hosts, host))
    return tuple(image for image in found.values() if (image.folder / FILE).is_file())


def _racks(environment: Environment, lab: Path) -> dict[str, str]:
    machines = layout.read(lab) if os.access(lab, os.R_OK) else None
    known = {name: str(host.address) for name, host in environment.hosts.items()}
    return (
        {host.name: host.image for host in machines.hosts if known.get(host.name) == host.address} if machines else {}
    )
