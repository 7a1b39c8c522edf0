"""Recipes of host images: read, hashed, and turned into the command that builds one."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

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
    """What one image is made from. `os` and `arch` are the words of the environment file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    os: str
    arch: str
    suite: str
    packages: tuple[str, ...]
    disable: tuple[str, ...] = ()

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
        """The cache key: a hash of the very command that builds the image, so nothing that matters is left out."""
        text = "\0".join(build_command(self, Path("rootfs.tar")))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_recipe(os: str, arch: str, folder: Path = RECIPES) -> Recipe | None:
    """The recipe for hosts of this OS and architecture, or None if there is none."""
    path = folder / f"{os}-{arch}.yaml"
    if not path.is_file():
        return None
    return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def known_recipes(folder: Path = RECIPES) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def build_command(recipe: Recipe, target: Path) -> tuple[str, ...]:
    """The mmdebstrap call that writes the image as a tar file to `target`."""
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
    """Shell lines run with $1 = the image's root. Later changes by other means would put a path into the tar twice."""
    units = '"$1"/etc/systemd/system'
    lines = [f"ln -sf /dev/null {units}/{unit}" for unit in _MASKED]
    lines += [f"find {units} -type l -lname '*/{unit}' -delete" for unit in recipe.disable]
    lines += [
        ': > "$1"/etc/machine-id',
        'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/hostname',
        'mkdir -p -m 0700 "$1"/root/.ssh',
        'chroot "$1" update-cracklib >/dev/null',
    ]
    return lines
