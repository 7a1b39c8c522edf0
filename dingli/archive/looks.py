"""What earlier looks at the archive saw. Their evidence is witnessed: who makes the chain anew is found out."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dingli.archive.chain import Chain
from dingli.evidence.store import Store

__all__ = ["KIND", "as_lines", "earlier_looks", "file_of", "forgotten"]

KIND = "archive"


def file_of(cell: str) -> str:
    """The raw file of an evidence folder that holds a look at a cell's archive."""
    return f"segments-{cell}.jsonl"


def as_lines(chains: Iterable[Chain]) -> str:
    """One JSON line for each segment."""
    rows = [
        {"journal": chain.name, "first": link.header.first, "last": link.header.last, "sum": link.header.sum}
        for chain in chains
        for link in chain.links
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def earlier_looks(store: Store, cell: str) -> list[tuple[int, str]]:
    """Number and lines of every earlier look at a cell's archive."""
    files = [(folder.number, folder.path / "raw" / file_of(cell)) for folder in store.folders() if folder.kind == KIND]
    return [(number, file.read_text(encoding="utf-8")) for number, file in files if file.is_file()]


def forgotten(chains: Iterable[Chain], looks: Iterable[tuple[int, str]]) -> list[str]:
    """Segments that an earlier look saw, and that are not there any more or have another sum."""
    present = {(chain.name, link.header.first): link.header.sum for chain in chains for link in chain.links}
    found: dict[tuple[str, int], str] = {}
    for number, lines in looks:
        for row in map(json.loads, lines.splitlines()):
            place = (row["journal"], row["first"])
            if present.get(place) != row["sum"]:
                what = "has another sum than" if place in present else "is gone since"
                found.setdefault(
                    place, f"journal {row['journal']}: entries {row['first']} to {row['last']}: {what} run {number} saw"
                )
    return list(found.values())
