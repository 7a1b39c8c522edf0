"""Collecting everything into one folder, summing and signing it, and writing it as one archive."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dingli import __version__
from dingli.artifacts.archive import EPOCH
from dingli.artifacts.programs import PROGRAMS
from dingli.artifacts.wheels import wheel_folder
from dingli.bundle import manifest, packages, parts, signer
from dingli.bundle.exceptions import BundleError
from dingli.bundle.layout import (
    ABOUT,
    CACHE,
    INSTALL,
    MANIFEST,
    NAMESPACE,
    PACKAGES,
    SBOM,
    SIGNATURE,
    SIGNER,
    SOURCE,
    TOP,
    WHEELS,
)
from dingli.bundle.platforms import CONTROLLER_OS, CONTROLLERS, Platform, names_of
from dingli.bundle.sbom import sbom
from dingli.bundle.wheels import controller_wheels
from dingli.evidence import signing
from dingli.exceptions import InputError
from dingli.setup.engine import build_engine, given_key

__all__ = ["Built", "Order", "build", "write_archive"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What to build: for which machines, and with which processors controllers may come."""

    root: Path
    """The clone; its commit HEAD is bundled."""
    platforms: Sequence[Platform]
    controllers: Sequence[str] = CONTROLLERS


@dataclass(frozen=True)
class Built:
    """A finished bundle."""

    path: Path
    files: int
    size: int
    manifest_sha256: str
    signer: str


def build(order: Order, target: Path, key: Path, tell: Tell) -> Built:
    """Write the archive `target`, signed with `key`. Whole or not at all."""
    _require_packages_of_controllers(order)
    commit = _git(order.root, "rev-parse", "HEAD").decode().strip()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".dingli-bundle-", dir=target.parent) as work:
        folder = Path(work) / TOP
        folder.mkdir()
        tell(f"source tree of commit {commit[:12]}")
        _source(order.root, folder, tell)
        _python(order, folder, tell)
        engines = _engines(order, folder, tell)
        _debian(order, folder, tell)
        tell("bill of materials, sums and signature")
        _describe(order, folder, commit, engines)
        sums = manifest.sums_of(folder)
        text = manifest.text_of(sums)
        public = signing.public_key(key)
        (folder / MANIFEST).write_bytes(text)
        (folder / SIGNATURE).write_bytes(signing.sign(key, NAMESPACE, text))
        (folder / SIGNER).write_text(public + "\n")
        tell(f"writing {target}")
        unfinished = Path(work) / "archive"
        write_archive(folder, unfinished)
        unfinished.rename(target)
    sha256 = hashlib.sha256(text).hexdigest()
    return Built(target, len(sums), target.stat().st_size, sha256, signer.fingerprint(public))


def _require_packages_of_controllers(order: Order) -> None:
    if missing := [arch for arch in order.controllers if Platform(CONTROLLER_OS, arch) not in order.platforms]:
        found = f"no platform {CONTROLLER_OS}-{missing[0]}, for controllers with that processor"
        raise InputError(found, "what controllers need, too", f"add --platform {CONTROLLER_OS}-{missing[0]}")


def write_archive(folder: Path, target: Path) -> None:
    """A tar of `folder`: sorted, one time, owned by root; what is packed in it is packed already."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            entry = tarfile.TarInfo(path.relative_to(folder.parent).as_posix())
            entry.mtime, entry.uname, entry.gname = EPOCH, "root", "root"
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
                continue
            entry.size, entry.mode = path.stat().st_size, 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)


def _source(root: Path, folder: Path, tell: Tell) -> None:
    if _git(root, "status", "--porcelain"):
        tell("there are changes that are not committed: they are not in the bundle")
    tree = _git(root, "archive", "--format=tar", "HEAD")
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder / SOURCE, filter="data")
    install = folder / SOURCE / "tools" / "bundle" / INSTALL
    if not install.is_file():
        raise BundleError("tools/bundle/install is not in the commit", "it, to be put on top of the bundle")
    shutil.copyfile(install, folder / INSTALL)
    (folder / INSTALL).chmod(0o755)


def _python(order: Order, folder: Path, tell: Tell) -> None:
    for arch in order.controllers:
        tell(f"wheels of the controller, {arch}")
        for wheel in controller_wheels(order.root, arch):
            _bring(wheel, folder / WHEELS / wheel.name)
    for program in PROGRAMS:
        if program.lock:
            tell(f"wheels of the program {program.name} on hosts")
            fetched = wheel_folder(order.root / program.lock)
            for wheel in sorted(fetched.glob("*.whl")):
                _bring(wheel, folder / CACHE / "wheels" / fetched.name / wheel.name)


def _engines(order: Order, folder: Path, tell: Tell) -> list[str]:
    """Their paths in the bundle."""
    found = []
    for arch in order.controllers:
        tell(f"Pulumi engine, {arch}")
        path = f"{CACHE}/engine-given/{given_key(order.root, arch)}/pulumi"
        _bring(build_engine(order.root, arch), folder / path)
        found.append(path)
    return found


def _debian(order: Order, folder: Path, tell: Tell) -> None:
    for platform in sorted(order.platforms):
        names = names_of(platform, order.controllers, order.root)
        tell(f"Debian packages of {platform}: {len(names)}, and what they depend on")
        repository = folder / PACKAGES / platform.os
        for package in packages.fetch(platform, names):
            _bring(package.file, repository / package.name)
    for repository in sorted((folder / PACKAGES).glob("*")):
        packages.write_index(repository)


def _describe(order: Order, folder: Path, commit: str, engines: Sequence[str]) -> None:
    about = {
        "version": __version__,
        "commit": commit,
        "platforms": [str(platform) for platform in sorted(order.platforms)],
        "controllers": [f"{CONTROLLER_OS}-{arch}" for arch in sorted(order.controllers)],
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
    sums = manifest.sums_of(folder)
    found = [*parts.wheels(sums), *parts.packages(folder, sums)]
    for path in engines:
        found += parts.engine(folder / path, path, sums[path])
    when = datetime.fromtimestamp(int(_git(order.root, "log", "-1", "--format=%ct", "HEAD")), UTC)
    (folder / SBOM).write_text(sbom(__version__, commit, when, found))


def _bring(source: Path, target: Path) -> None:
    """A hard link where that is possible. The same file of two lists is one file; another of the same name is not."""
    if target.exists():
        if target.stat().st_size != source.stat().st_size:
            raise BundleError(f"two files called {target.name}, of {target.stat().st_size} and {source.stat().st_size}")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise BundleError(f"git: {said}", "a clone with its history", "build bundles where Dingli was cloned with git")
    return done.stdout
