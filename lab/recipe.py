"""Recipes of host images: read, hashed, and turned into the command that builds one."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from lab.golden.roles import applied_roles

RECORD_FORMAT = "1"
"""Of what is kept beside an image. With another one, images are built again."""

RECIPES = Path(__file__).parent / "images"

# Units that no host may start: it shares the machine's kernel (the first to boot would take the handler for other
# architectures away, or mount the machine's debug file systems), has no terminals, and no way to a package archive.
_MASKED = (
    "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "proc-sys-fs-binfmt_misc.mount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount", "systemd-udevd.service", "systemd-modules-load.service", "systemd-firstboot.service",
    "systemd-networkd-wait-online.service", "getty.target", "console-getty.service",
    "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer",
)  # fmt: skip

_DEBIAN_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}

_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
_KEPT = ("/usr/share/doc/*/copyright",)


class Recipe(BaseModel):
    """What one image is made from. `os` and `arch` are the words of the environment file.

    What differs between families of systems is in `family`, which names the builder, and in `variables`, which the
    roles are given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    os: str
    arch: str
    family: Literal["debian"] = "debian"
    suite: str
    variables: dict[str, Any] = {}
    packages: tuple[str, ...]
    disable: tuple[str, ...] = ()
    satisfies: tuple[str, ...] = ()
    """Items of the audit's catalogue that the image has to meet by itself."""

    @property
    def name(self) -> str:
        return f"{self.os}-{self.arch}"

    @property
    def debian_arch(self) -> str:
        return _DEBIAN_ARCH[self.arch]

    @property
    def emulated_here(self) -> bool:
        """Whether this machine runs the image's programs through an emulator."""
        return platform.machine() != self.arch

    @property
    def digest(self) -> str:
        """The cache key."""
        return self.sha256[:16]

    @property
    def sha256(self) -> str:
        """Of the very command that builds the image, and of the roles' parts that it applies: nothing is left out."""
        return self.sum_with(applied_roles())

    def sum_with(self, roles: Mapping[str, str]) -> str:
        """The same for roles with these sums."""
        parts = [*build_command(self, Path("rootfs.tar")), *roles.values(), *self.satisfies, RECORD_FORMAT]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load_recipe(os: str, arch: str, folder: Path = RECIPES) -> Recipe | None:
    """The recipe for hosts of this OS and architecture, or None if there is none."""
    path = folder / f"{os}-{arch}.yaml"
    if not path.is_file():
        return None
    return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def known_recipes(folder: Path = RECIPES) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def build_command(recipe: Recipe, target: Path) -> tuple[str, ...]:
    """The call that writes the image as a tar file to `target`."""
    return {"debian": _mmdebstrap}[recipe.family](recipe, target)


def _mmdebstrap(recipe: Recipe, target: Path) -> tuple[str, ...]:
    options = [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    options += [f"--dpkgopt=path-include={path}" for path in _KEPT]
    hooks = [f"--customize-hook={line}" for line in _customize(recipe)]
    return (
        "mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar",
        f"--architectures={recipe.debian_arch}", f"--include={','.join(recipe.packages)}",
        "--aptopt=Acquire::Languages none", "--aptopt=APT::Install-Recommends false",
        *options, *hooks, recipe.suite, str(target),
    )  # fmt: skip


def _customize(recipe: Recipe) -> list[str]:
    """Shell lines run with $1 = the image's root. Later changes by other means would put a path into the tar twice.

    They have $DINGLI_CLONE, and $DINGLI_DRAFT, the folder that the image is built in: no path is part of the key.
    """
    units = '"$1"/etc/systemd/system'
    lines = [f"ln -sf /dev/null {units}/{unit}" for unit in _MASKED]
    lines += [f"find {units} -type l -lname '*/{unit}' -delete" for unit in recipe.disable]
    lines += ['chroot "$1" update-cracklib >/dev/null', 'mkdir -p "$1"/run/sshd']
    return [*lines, *_roles(recipe), *_TIDY, *_OBSERVE, *_LAST]


def _roles(recipe: Recipe) -> list[str]:
    """Ansible stays outside; its modules run in the image's root, with its Python, where services are only enabled."""
    variables = json.dumps({"dingli_emulated": recipe.emulated_here, **recipe.variables})
    return [
        """printf '#!/bin/sh\\nexec env SYSTEMD_OFFLINE=1 chroot "%s" /usr/bin/python3 "$@"\\n' "$1" \
        > "$DINGLI_DRAFT"/python3""",
        'chmod 0700 "$DINGLI_DRAFT"/python3',
        f"LC_ALL=C.UTF-8 ansible-playbook --connection local --inventory {recipe.name}, --extra-vars '{variables}' "
        '--extra-vars ansible_python_interpreter="$DINGLI_DRAFT"/python3 "$DINGLI_CLONE"/roles/image.yml',
        'rm "$DINGLI_DRAFT"/python3',
    ]


# No traces of the building: logs, caches, the former versions of lists.
_TIDY = (
    'find "$1"/var/log -type f -delete',
    'rm -f "$1"/etc/passwd- "$1"/etc/group- "$1"/etc/shadow- "$1"/etc/gshadow- "$1"/etc/subuid- "$1"/etc/subgid-',
    'rm -f "$1"/var/lib/dpkg/*-old "$1"/var/cache/debconf/*-old "$1"/var/cache/apt/*.bin',
    'rm -f "$1"/etc/resolv.conf "$1"/etc/hostname && : > "$1"/etc/machine-id',
    'mkdir -p -m 0700 "$1"/root/.ssh',
)

# The image as the audit sees a host; and its packages, with the sums of their files by the archive's signed lists.
_OBSERVE = (
    'chroot "$1" bash -s at-rest < "$DINGLI_CLONE"/audit/checks/gather.sh > "$DINGLI_DRAFT"/gathered',
    'chroot "$1" bash -s 127.0.0.1 < "$DINGLI_CLONE"/roles/audit_account/files/audit-facts > "$DINGLI_DRAFT"/facts',
    """dpkg-query --admindir="$1"/var/lib/dpkg --show --showformat '${Package} ${Version} ${Architecture}\\n' \
        > "$DINGLI_DRAFT"/packages""",
    """sed 's/ /=/; s/ .*//' "$DINGLI_DRAFT"/packages \
        | APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" xargs apt-cache show > "$DINGLI_DRAFT"/index""",
)

# sshd says what it would do only if it has a host key, so those that its package made go last.
_LAST = ('rm -f "$1"/etc/ssh/ssh_host_*', 'rmdir "$1"/run/sshd')
