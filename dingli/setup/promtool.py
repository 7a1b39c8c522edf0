"""promtool tests the rules of alerts. Its package is unpacked, not installed: that would bring a service along."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dingli.exceptions import SetupError
from dingli.setup.cache import entry, key_of
from dingli.setup.phases import command

_PACKAGE = "prometheus"
_RELEASE = Path("/etc/os-release")


def provide_promtool() -> Path:
    """The program, of this Debian release, from the cache; fetched once per machine."""
    folder = entry("promtool", key_of(_RELEASE, os.uname().machine), _unpack)
    return folder / "promtool"


def _unpack(folder: Path) -> None:
    """apt checks the archive's signature."""
    print("fetching promtool, once per machine", flush=True)
    if not _download(folder):
        # Without lists, as on a machine that was just made, apt knows no package.
        if os.geteuid() != 0:
            raise SetupError(
                f"apt cannot fetch the package {_PACKAGE}", "its lists up to date", "run as root: apt-get update"
            )
        command(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "update"], cwd=folder)
        if not _download(folder):
            raise SetupError(f"apt cannot fetch the package {_PACKAGE}", remedy="check the machine's apt sources")
    (archive,) = folder.glob("*.deb")
    command(["dpkg-deb", "--extract", archive, folder / "package"], cwd=folder)
    (folder / "package" / "usr" / "bin" / "promtool").rename(folder / "promtool")
    shutil.rmtree(folder / "package")
    archive.unlink()


def _download(folder: Path) -> bool:
    # apt fetches as an account of its own, which cannot write where this one alone can; it says so and goes on.
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", _PACKAGE]
    return subprocess.run(apt, cwd=folder, capture_output=True).returncode == 0
