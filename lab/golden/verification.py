"""Whether an image is still the one that its record tells of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lab import golden
from lab.golden import listing, record
from lab.golden.listing import Difference

__all__ = ["KEPT", "Verdict", "verify"]

KEPT = (golden.FILE, *golden.OBSERVED)
"""What evidence keeps of an image's folder; the listing's sum is in the record."""


@dataclass(frozen=True)
class Verdict:
    """What was found; nothing, if all is as recorded."""

    image: str
    paths: int
    findings: tuple[Difference, ...]


def verify(image: str, folder: Path, archive: Path | None = None) -> Verdict:
    """Compares the image in `folder`, or another copy of it, with the record there. LabError if it cannot be read."""
    made = record.read(folder)
    sums = {golden.LISTING: made.root.sha256, **made.observed}
    findings = [
        Difference(str(folder / name), found, expected)
        for name, expected in sums.items()
        if (found := _sum(folder / name)) != expected
    ]
    place = archive or folder / golden.ARCHIVE
    files = listing.of_archive(place)
    total = hashlib.sha256(listing.dumps(files)).hexdigest()
    if total != made.root.sha256:
        findings.append(Difference(str(place), f"files with the sum {total}", made.root.sha256))
        if _sum(folder / golden.LISTING) == made.root.sha256:  # otherwise nobody knows which of them it is
            findings += listing.differences(listing.loads((folder / golden.LISTING).read_bytes()), files)
    return Verdict(image, len(files), tuple(findings))


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "nothing"
