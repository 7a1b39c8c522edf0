"""The machines that a bundle serves, and which Debian packages each of them needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from dingli.setup.debian import wanted

__all__ = ["CONTROLLERS", "CONTROLLER_OS", "PLATFORMS", "Platform", "names_of"]

CONTROLLER_OS = "debian-12"
CONTROLLERS = ("x86_64",)
"""Processors of controllers. Some lines of requirements.lock have no wheel for Python 3.11 on ARM."""
_SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
_DEBIAN_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
_GATEWAYS = Path("roles") / "ipsec" / "defaults" / "main.yml"
# Of these the machine may lack some: README asks for them, or set-up unpacks them.
_CONTROLLER_TOO = ("python3", "python3-venv", "openssh-client", "make", "prometheus")


@dataclass(frozen=True, order=True)
class Platform:
    """`os` and `arch` are the words of the environment file."""

    os: str
    arch: str

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"

    @property
    def suite(self) -> str:
        return _SUITES[self.os]

    @property
    def debian_arch(self) -> str:
        return _DEBIAN_ARCH[self.arch]


PLATFORMS = tuple(Platform(os, arch) for os in _SUITES for arch in _DEBIAN_ARCH)


def names_of(platform: Platform, controllers: Iterable[str], root: Path) -> list[str]:
    """Debian packages of hosts of this release, and of controllers if `controllers` has its processor.

    What hosts need is what the lab's images of the same release are made from, whatever their processor, and what
    gateways of encrypted lines need besides, which the lab has none of.
    """
    names: set[str] = set()
    for recipe in (root / "lab" / "images").glob(f"{platform.os}-*.yaml"):
        names.update(yaml.safe_load(recipe.read_text(encoding="utf-8"))["packages"])
    names.update(yaml.safe_load((root / _GATEWAYS).read_text(encoding="utf-8"))["ipsec_packages"])
    if platform.os == CONTROLLER_OS and platform.arch in controllers:
        names.update(wanted((root / "tools" / "debian-packages.txt").read_text(encoding="utf-8")))
        names.update(_CONTROLLER_TOO)
    return sorted(names)
