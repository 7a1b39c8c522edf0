"""Which images the machines of an environment were made from."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from dingli.environment import Environment, EnvironmentKind
from lab import layout
from lab.golden import FILE
from lab.places import LAYOUT, image_cache
from lab.recipe import load_recipe

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
    """The images that have a record, and the hosts whose machine the lab, or its cloud, made from them.

    Without a record are images from before there were any, and those that the cache lost. Machines of others have no
    image of ours.
    """
    if environment.kind is not EnvironmentKind.LAB:
        return ()
    found: dict[str, UsedImage] = {}
    for host, digest in {**_instances(environment), **_racks(environment, lab)}.items():
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


def _instances(environment: Environment) -> dict[str, str]:
    """Hosts on the lab's cloud, which makes machines from the recipes as they are."""
    found = {}
    for name, host in environment.hosts.items():
        site = environment.site_of(name)
        if environment.cloud is not None and site.made and site.cloud is None:
            recipe = load_recipe(host.os.value, host.arch.value)
            if recipe is not None:
                found[name] = recipe.digest
    return found
