"""Whether a bundle is what its signer has signed, to the last file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dingli.bundle import manifest, signer
from dingli.bundle.layout import MANIFEST, SIGNATURE, SIGNER, UNLISTED
from dingli.bundle.reading import Contents, read
from dingli.evidence.exceptions import SignatureError
from dingli.plain_text import printable

__all__ = ["Finding", "Kind", "Verdict", "verify"]


class Kind(StrEnum):
    """What is the matter with a file."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    SIGNER = "signer"
    """Signed by somebody else, or by nobody."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was signed."""

    kind: Kind
    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        return printable(f"{self.kind.value}: {self.path}: found {self.found}, expected {self.expected}")


@dataclass(frozen=True)
class Verdict:
    """What came of it; good without findings."""

    files: int
    signer: str
    """Fingerprint of the key in the bundle; empty if there is none."""
    findings: tuple[Finding, ...]


def verify(place: Path, key: str) -> Verdict:
    """Compare the bundle `place` (archive or folder) with what `key` (fingerprint or file) has signed.

    Raises InputError where `place` or `key` cannot be read at all.
    """
    expected = signer.expected_fingerprint(key)
    contents = read(place)
    found, findings = _signature(contents, expected)
    findings += _files(contents)
    if contents.broken:
        findings.append(Finding(Kind.UNREADABLE, place.name, contents.broken, "a whole archive"))
    return Verdict(len(contents.sums), found, tuple(findings))


def _signature(contents: Contents, expected: str) -> tuple[str, list[Finding]]:
    absent = [name for name in UNLISTED if name not in contents.texts]
    if absent:
        return "", [Finding(Kind.MISSING, name, "no such file", "what every bundle has") for name in absent]
    try:
        public = signer.public_of(contents.texts[SIGNER].decode("ascii"))
        found = signer.fingerprint(public)
    except ValueError:
        return "", [Finding(Kind.SIGNER, SIGNER, "no key of ed25519", f"the key {expected}")]
    if found != expected:
        return found, [Finding(Kind.SIGNER, SIGNER, f"the key {found}", f"the key {expected}")]
    try:
        signer.check(public, contents.texts[MANIFEST], contents.texts[SIGNATURE])
    except SignatureError as error:
        return found, [Finding(Kind.SIGNER, SIGNATURE, error.found, f"a signature of {expected}")]
    return found, []


def _files(contents: Contents) -> Iterator[Finding]:
    for name, what in contents.odd:
        yield Finding(Kind.ADDED, name, what, "only the files that were signed")
    if MANIFEST not in contents.texts:
        return
    try:
        listed = manifest.parse(contents.texts[MANIFEST])
    except ValueError as error:
        yield Finding(Kind.CHANGED, MANIFEST, str(error), "sums of files")
        return
    there = {name: found for name, found in contents.sums.items() if name not in UNLISTED}
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            yield Finding(Kind.MISSING, name, "no such file", f"the file with sum {listed[name]}")
        elif name not in listed:
            yield Finding(Kind.ADDED, name, "a file that was added", "only the files that were signed")
        elif there[name] != listed[name]:
            yield Finding(Kind.CHANGED, name, f"sum {there[name]}", f"sum {listed[name]}")
