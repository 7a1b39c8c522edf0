"""Where things are in a bundle. tools/bundle/install has the same names, written again in shell."""

from __future__ import annotations

__all__ = [
    "ABOUT",
    "CACHE",
    "INSTALL",
    "MANIFEST",
    "NAMESPACE",
    "PACKAGES",
    "PRINCIPAL",
    "SBOM",
    "SIGNATURE",
    "SIGNER",
    "SOURCE",
    "TOP",
    "UNLISTED",
    "WHEELS",
]

TOP = "dingli-bundle"
"""The archive's only folder on top; all other names are below it."""

MANIFEST = "SHA256SUMS"
"""Sums of all other files, as `sha256sum --check` reads them."""
SIGNATURE = "SHA256SUMS.sig"
SIGNER = "SHA256SUMS.pub"
UNLISTED = (MANIFEST, SIGNATURE, SIGNER)

ABOUT = "bundle.json"
SBOM = "sbom.cdx.json"
INSTALL = "install"

SOURCE = "source"
"""The tree of the commit, with roles and catalogue."""
WHEELS = "wheels"
"""Python packages of the controller."""
PACKAGES = "packages"
"""A flat apt repository for each Debian release: `packages/debian-12`."""
CACHE = "cache"
"""What goes into ~/.cache/dingli: the engine, wheels of the programs on hosts."""

NAMESPACE = PRINCIPAL = "dingli-bundle"
