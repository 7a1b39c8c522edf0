"""Debian packages that the machine needs, from lists in the repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dingli.exceptions import SetupError
from dingli.setup.phases import command


def wanted(listing: str) -> list[str]:
    """Package names of a list with one a line; text after # is ignored."""
    lines = (line.partition("#")[0].strip() for line in listing.splitlines())
    return [line for line in lines if line]


def missing(names: list[str]) -> list[str]:
    """Those that dpkg does not know as installed."""
    try:
        answer = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *names], capture_output=True, text=True
        ).stdout
    except FileNotFoundError as error:
        raise SetupError("this machine has no dpkg", "Debian 12", "use a Debian 12 machine") from error
    installed = {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian starts what it installs, unless this file says no; a machine that has one keeps its own."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def install_packages(listing: Path) -> str:
    """Install what a list names and the machine lacks."""
    names = wanted(listing.read_text(encoding="utf-8"))
    absent = missing(names)
    if not absent:
        return f"all {len(names)} installed already"
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    install = [*apt, "install", "--no-install-recommends", *absent]
    if os.geteuid() != 0:
        raise SetupError(
            f"packages missing: {', '.join(absent)}",
            "root, to install them",
            f"run as root: apt-get update && {' '.join(install)}",
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command([*apt, "update"], cwd=listing.parent, env=quiet)
    with _no_service_starts():
        command(install, cwd=listing.parent, env=quiet)
    return f"installed {', '.join(absent)}"
