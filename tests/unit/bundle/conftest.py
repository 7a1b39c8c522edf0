"""A bundle as small as one can be, signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dingli.bundle import manifest, signer
from dingli.bundle.build import write_archive
from dingli.bundle.layout import MANIFEST, NAMESPACE, SIGNATURE, SIGNER, TOP
from dingli.evidence import signing

FILES = {
    "bundle.json": b"{}\n",
    "install": b"#!/bin/sh\n",
    "packages/debian-12/a_1~deb12u1_all.deb": b"a package",
    "source/roles/site.yml": b"---\n",
}


@dataclass(frozen=True)
class Signed:
    """An unpacked bundle, the private key that signed it, and its fingerprint."""

    folder: Path
    key: Path
    fingerprint: str

    def sign(self, key: Path | None = None) -> None:
        """Write manifest and signature for what is there now."""
        text = manifest.text_of(manifest.sums_of(self.folder))
        (self.folder / MANIFEST).write_bytes(text)
        (self.folder / SIGNATURE).write_bytes(signing.sign(key or self.key, NAMESPACE, text))
        (self.folder / SIGNER).write_text(signing.public_key(key or self.key) + "\n")

    def archive(self) -> Path:
        """The bundle as one file."""
        target = self.folder.parent / "bundle.tar"
        write_archive(self.folder, target)
        return target


@pytest.fixture
def bundle(tmp_path: Path) -> Signed:
    """A bundle whose signature holds."""
    key = signing.ensure_key(tmp_path / "keys" / "signing_key", "test")
    made = Signed(tmp_path / TOP, key, signer.fingerprint(signing.public_key(key)))
    for name, content in FILES.items():
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / name).write_bytes(content)
    (made.folder / "install").chmod(0o755)
    made.sign()
    return made
