"""What a bundle is made of that somebody else wrote: wheels, Debian packages, the engine and its Go modules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packageurl import PackageURL
from packaging.utils import parse_wheel_filename

from dingli.bundle.exceptions import BundleError
from dingli.bundle.layout import CACHE, PACKAGES, WHEELS

__all__ = ["Part", "engine", "packages", "paragraphs", "wheels"]

_ENGINE = "github.com/pulumi/pulumi/pkg/v3"


@dataclass(frozen=True)
class Part:
    """A component; `path` and `sha256` are empty for what is inside of another file."""

    name: str
    version: str
    purl: PackageURL
    path: str = ""
    sha256: str = ""


def wheels(sums: dict[str, str]) -> Iterator[Part]:
    """Every wheel of a bundle whose files have these sums."""
    for path in sums:
        if path.startswith((f"{WHEELS}/", f"{CACHE}/")) and path.endswith(".whl"):
            file = Path(path).name
            name, version, _, _ = parse_wheel_filename(file)
            purl = PackageURL("pypi", name=name, version=str(version), qualifiers={"file_name": file})
            yield Part(name, str(version), purl, path, sums[path])


def packages(folder: Path, sums: dict[str, str]) -> Iterator[Part]:
    """Every Debian package that the indexes in the unpacked bundle `folder` list."""
    for index in sorted(folder.glob(f"{PACKAGES}/*/Packages")):
        release = index.parent.name
        for one in paragraphs(index.read_text(encoding="utf-8")):
            path = f"{PACKAGES}/{release}/{one['Filename'].removeprefix('./')}"
            which = {"arch": one["Architecture"], "distro": release}
            purl = PackageURL("deb", "debian", one["Package"], one["Version"], qualifiers=which)
            yield Part(one["Package"], one["Version"], purl, path, sums[path])


def paragraphs(index: str) -> Iterator[dict[str, str]]:
    """The fields of each package in an index of apt; only the first line of those that have several."""
    for paragraph in index.strip().split("\n\n"):
        lines = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
        yield {key.removesuffix(":"): value for key, _, value in lines}


def engine(program: Path, path: str, sha256: str) -> Iterator[Part]:
    """The engine, and the modules that are in it, as Go's linker has written down."""
    try:
        told = subprocess.run(["go", "version", "-m", str(program)], capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise BundleError(
            f"Go cannot tell what {program} is made of: {error}", "a program built with modules"
        ) from None
    for line in told.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] in {"mod", "dep"} and words[2] != "(devel)":
            namespace, _, name = words[1].rpartition("/")
            own = words[1] == _ENGINE
            purl = PackageURL("golang", namespace, name, words[2])
            yield Part(words[1], words[2], purl, path if own else "", sha256 if own else "")
