"""Segments from the bucket into a folder, from which cores, the checker and `dingli mask` read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dingli.archive.bucket import Bucket
from dingli.archive.chain import Chain, journals, read_chain
from dingli.archive.exceptions import ArchiveError
from dingli.exceptions import InputError

__all__ = ["chain_of_journal", "fetch", "file_name"]


def file_name(first: int) -> str:
    """As in the bucket, without the folders."""
    return f"{first:016x}.segment"


def chain_of_journal(bucket: Bucket, environment: str, cell: str, journal: str | None = None) -> Chain:
    """The chain of a cell's journal: the one that is named, or the newest."""
    known = journals(bucket, environment, cell)
    name = journal or next(reversed(known), None)
    if name is None or name not in known:
        named = ", ".join(known) or "none yet"
        raise InputError(f"no journal {name or 'at all'} of cell {cell} in the archive", f"one of: {named}")
    return read_chain(bucket, name, cell, known[name])


def fetch(
    bucket: Bucket, chain: Chain, folder: Path, tell: Callable[[int, int], None] = lambda done, of: None
) -> list[Path]:
    """The versions that count, whatever was written over them; files that are there already are replaced."""
    if not chain.whole:
        raise ArchiveError(
            f"the archive of journal {chain.name} has gaps or no segments", "every segment", "`dingli archive verify`"
        )
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for done, link in enumerate(chain.links, start=1):
        target = folder / file_name(link.header.first)
        beside = target.with_suffix(".part")
        beside.write_bytes(bucket.read(link.version))
        beside.replace(target)
        files.append(target)
        tell(done, len(chain.links))
    return files
