"""Debian packages with everything that they depend on, of any release and processor, from a private root of apt.

Nothing is assumed to be there, not even libc: a machine of another point release finds the versions that fit together.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dingli.bundle.exceptions import BundleError
from dingli.bundle.platforms import Platform
from dingli.setup.cache import cache_root, entry

__all__ = ["Package", "fetch", "keep", "pool_name", "write_index"]

_KIND = "debian"
_STRONG = ("-o", "Acquire::ForceHash=SHA256")  # which sum it prints; it checks all that there are
_URI = re.compile(r"'[^']*' (?P<file>\S+\.deb) \d+ SHA256:(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """A package in the cache, and what its file is called in a repository."""

    file: Path
    name: str
    sha256: str


def fetch(platform: Platform, names: Sequence[str]) -> list[Package]:
    """The newest versions that the machine's way to Debian has; what the cache has already is not fetched again."""
    with _apt_root(platform) as apt:
        wanted = _resolve(apt, names)
        archives = apt.root / "var" / "cache" / "apt" / "archives"
        absent = {file: sha256 for file, sha256 in wanted.items() if not _cached(file, sha256).is_file()}
        if absent:
            for file, sha256 in wanted.items():
                if file not in absent:  # so that apt leaves it alone
                    _link(_cached(file, sha256), archives / file)
            apt.run("install", "--download-only", *names)
        for file, sha256 in absent.items():
            keep(archives / file, sha256)
    return [Package(_cached(file, sha256), pool_name(file), sha256) for file, sha256 in sorted(wanted.items())]


def pool_name(file: str) -> str:
    """As in Debian's own archive: without the epoch, whose colon no file name should have."""
    name, version, rest = file.split("_", 2)
    return f"{name}_{re.sub('^[0-9]+%3a', '', version)}_{rest}"


def write_index(repository: Path) -> None:
    """Packages and Release of a flat repository, the same for the same packages whenever they are written."""
    (repository / "Release").unlink(missing_ok=True)  # or it would be summed itself
    packages = _ftparchive(repository, "packages", ".")
    (repository / "Packages").write_bytes(packages)
    release = _ftparchive(repository, "release", ".")
    kept = [line for line in release.splitlines(keepends=True) if not line.startswith(b"Date:")]
    (repository / "Release").write_bytes(b"".join(kept))


@dataclass(frozen=True)
class _Apt:
    root: Path
    config: Path

    def run(self, *arguments: str) -> str:
        command = ["apt-get", "-q", "-y", *arguments]
        done = subprocess.run(command, env={**os.environ, "APT_CONFIG": str(self.config)}, capture_output=True)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-1500:]
            raise BundleError(f"apt cannot fetch Debian packages:\n{said}", remedy="check this machine's way to Debian")
        return done.stdout.decode()


@contextmanager
def _apt_root(platform: Platform) -> Iterator[_Apt]:
    """mmdebstrap knows where Debian is and how this machine gets there; it fetches the lists and installs nothing."""
    with tempfile.TemporaryDirectory(prefix="dingli-apt-") as folder:
        root, config = Path(folder) / "root", Path(folder) / "apt.conf"
        command = ["mmdebstrap", "--quiet", "--mode=chrootless", "--variant=custom", "--skip=check/qemu,cleanup/apt"]
        command += [f"--architectures={platform.debian_arch}"]
        command += ["--aptopt=Acquire::Languages none", "--aptopt=APT::Install-Recommends false"]
        command += ["--aptopt=APT::Sandbox::User root"]
        command += [f'--customize-hook=cp "$MMDEBSTRAP_APT_CONFIG" {config}', platform.suite, str(root)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise BundleError("no mmdebstrap", "the packages of tools/debian-packages.txt", "make setup") from None
        if done.returncode != 0:
            found = f"the lists of {platform.suite} cannot be fetched:\n{done.stderr.strip()[-1500:]}"
            raise BundleError(found, remedy="check this machine's way to Debian")
        yield _Apt(root, config)


def _resolve(apt: _Apt, names: Sequence[str]) -> dict[str, str]:
    """File and SHA-256 of everything that would be installed, as the signed lists say."""
    wanted = {
        match["file"]: match["sha256"] for match in _URI.finditer(apt.run("install", "--print-uris", *_STRONG, *names))
    }
    if not wanted:
        raise BundleError("apt names no packages", f"{len(names)} and what they depend on")
    return wanted


def _cached(file: str, sha256: str) -> Path:
    return cache_root() / _KIND / sha256 / file


def keep(file: Path, sha256: str) -> None:
    """Into the cache, if it is what the lists promised."""
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        raise BundleError(f"{file.name} has the sum {found}", sha256, "build again")
    entry(_KIND, sha256, lambda folder: _copy(file, folder / file.name))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _ftparchive(repository: Path, *arguments: str) -> bytes:
    command = ["apt-ftparchive", "-o", "APT::FTPArchive::SHA512=false", *arguments]
    try:
        done = subprocess.run(command, cwd=repository, capture_output=True)
    except FileNotFoundError:
        raise BundleError("no apt-ftparchive", "the packages of tools/debian-packages.txt", "make setup") from None
    if done.returncode != 0:
        raise BundleError(f"apt-ftparchive: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout
