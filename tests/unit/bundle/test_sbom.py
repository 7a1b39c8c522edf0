"""The bill of materials has every wheel, package and Go module, with version and purl."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model.bom import Bom

from dingli.bundle import parts
from dingli.bundle.sbom import sbom

WHEEL = "wheels/ruamel_yaml-0.18.14-py3-none-any.whl"
OTHER = "cache/wheels/0123456789abcdef/grpcio-1.85.1-cp313-cp313-manylinux2014_x86_64.whl"
DEB = "packages/debian-12/libc6_2.36-9+deb12u10_amd64.deb"
WITH_EPOCH = "packages/debian-12/libgmp10_6.2.1+dfsg1-1.1_arm64.deb"
SUMS = {WHEEL: "a" * 64, OTHER: "b" * 64, DEB: "c" * 64, WITH_EPOCH: "d" * 64, "install": "e" * 64}
INDEX = """Package: libc6
Version: 2.36-9+deb12u10
Architecture: amd64
Description: GNU C Library
 Version: of nothing
Filename: ./libc6_2.36-9+deb12u10_amd64.deb

Package: libgmp10
Version: 2:6.2.1+dfsg1-1.1
Architecture: arm64
Filename: ./libgmp10_6.2.1+dfsg1-1.1_arm64.deb
"""
WHEN = datetime(2026, 11, 21, tzinfo=UTC)


def _parts(folder: Path) -> list[parts.Part]:
    index = folder / "packages" / "debian-12" / "Packages"
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_text(INDEX)
    return [*parts.wheels(SUMS), *parts.packages(folder, SUMS)]


def test_every_wheel_and_package_is_listed_with_version_sum_and_purl(tmp_path: Path) -> None:
    said = json.loads(sbom("0.1.0", "c0ffee" * 7, WHEN, _parts(tmp_path)))
    found = {one["properties"][0]["value"]: one for one in said["components"]}
    assert {path: (one["name"], one["version"], one["hashes"][0]["content"]) for path, one in found.items()} == {
        WHEEL: ("ruamel-yaml", "0.18.14", "a" * 64),
        OTHER: ("grpcio", "1.85.1", "b" * 64),
        DEB: ("libc6", "2.36-9+deb12u10", "c" * 64),
        WITH_EPOCH: ("libgmp10", "2:6.2.1+dfsg1-1.1", "d" * 64),
    }
    assert found[WHEEL]["purl"].startswith("pkg:pypi/ruamel-yaml@0.18.14?file_name=ruamel_yaml-")
    assert found[WITH_EPOCH]["purl"] == "pkg:deb/debian/libgmp10@2:6.2.1%2Bdfsg1-1.1?arch=arm64&distro=debian-12"


def test_it_is_cyclonedx_and_the_same_for_the_same_parts(tmp_path: Path) -> None:
    listed = _parts(tmp_path)
    text = sbom("0.1.0", "c0ffee" * 7, WHEN, listed)
    assert text == sbom("0.1.0", "c0ffee" * 7, WHEN, reversed(listed))
    assert text != sbom("0.1.0", "c0ffee" * 7, WHEN, listed[1:])
    read = Bom.from_json(json.loads(text))  # type: ignore[attr-defined]
    assert len(read.components) == len(listed)
    assert read.metadata.component.version == "0.1.0+c0ffeec0ffee"
