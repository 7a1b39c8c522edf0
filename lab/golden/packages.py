"""The packages of an image, and its bill of materials."""

from __future__ import annotations

import uuid

from cyclonedx.model.component import Component, ComponentType
from packageurl import PackageURL

from dingli.bundle import parts
from dingli.bundle.sbom import document
from lab.golden.record import BuildRecord, Package

__all__ = ["bill_of_materials", "packages"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "dingli-image")


def packages(installed: str, index: str) -> tuple[Package, ...]:
    """`installed`: lines of name, version, architecture. `index`: paragraphs of apt-cache, for the sums."""
    sums = {
        (one["Package"], one["Version"], one["Architecture"]): one["SHA256"]
        for one in parts.paragraphs(index)
        if "SHA256" in one
    }
    rows = sorted((name, version, arch) for name, version, arch in (line.split() for line in installed.splitlines()))
    return tuple(Package(name=n, version=v, architecture=a, sha256=sums.get((n, v, a), "")) for n, v, a in rows)


def bill_of_materials(record: BuildRecord) -> str:
    """The packages as a bill of materials, CycloneDX in JSON: the same bytes for the same record."""
    itself = Component(
        type=ComponentType.OPERATING_SYSTEM, name=record.image, version=record.root.sha256[:12], bom_ref=record.image
    )
    listed = [_part(package, record.os) for package in record.packages]
    return document(itself, uuid.uuid5(_NAMESPACE, record.root.sha256), record.ended, listed)


def _part(package: Package, distribution: str) -> parts.Part:
    which = {"arch": package.architecture, "distro": distribution}
    purl = PackageURL("deb", "debian", package.name, package.version, qualifiers=which)
    return parts.Part(package.name, package.version, purl, sha256=package.sha256)
