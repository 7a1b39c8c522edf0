"""strongSwan as Debian 13 packs it, unpacked into the user's cache: nothing is installed on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from dingli.environment import project_root
from dingli.setup.cache import entry, key_of

_SUITE = "trixie"
_UNDERNEATH = ("base-files", "libc6", "dash", "coreutils")
"""What no package asks for, since every system has it."""
_DEFAULTS = project_root() / "roles" / "ipsec" / "defaults" / "main.yml"


def provide_strongswan() -> Path:
    """A root with the packages that the role wants, from the cache; fetched once per machine."""
    packages = (*yaml.safe_load(_DEFAULTS.read_text())["ipsec_packages"], *_UNDERNEATH)

    def unpack(folder: Path) -> None:
        print("fetching strongSwan, once per machine", flush=True)
        include = f"--include={','.join(packages)}"
        command = ["mmdebstrap", "--mode=root", "--variant=extract", "--format=directory", include]
        subprocess.run([*command, "--aptopt=APT::Install-Recommends false", _SUITE, str(folder / "root")], check=True)

    return entry("strongswan", key_of(_SUITE, *packages), unpack) / "root"
