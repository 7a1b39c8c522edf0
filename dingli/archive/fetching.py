"""Segments from the bucket into a folder, from which cores, the checker and `dingli mask` read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dingli.archive.bucket import Bucket
from dingli.archive.chain import Chain
from dingli.archive.exceptions import ArchiveError

__all__ = ["fetch", "file_name"]


def file_name(first: int) -> str:
    """As in the bucket, without the folders."""
    return f"{first:016x}.segment"


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
