"""Everything is brought back as it would be after an attack: with the product's own ways, and without any ledger."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dingli.archive import Bucket
from dingli.archive.backups import Kind, backups, restore
from dingli.archive.chain import journals
from dingli.archive.fetching import chain_of_journal, fetch
from dingli.environment import Environment
from dingli.exceptions import DingliError
from drills.ransomware.ledger import JOURNAL, KINDS, Row, cells_in

__all__ = ["RESTORED", "Back", "bring_back", "differences", "read", "write"]

RESTORED = "restored.jsonl"


@dataclass(frozen=True)
class Back:
    """An object that was brought back; `file` below the folder of restored things."""

    kind: str
    key: str
    file: str
    bytes: int
    sha256: str


def bring_back(bucket: Bucket, environment: Environment, folder: Path) -> tuple[list[Back], dict[str, Any]]:
    """All of it, and by kind: objects, bytes, seconds, and what went wrong. The sums are those of the files."""
    found: list[Back] = []
    by_kind: dict[str, Any] = {}
    for kind in KINDS:
        way = _journals if kind == JOURNAL else _backups(Kind(kind))
        began, before, trouble = time.monotonic(), len(found), ""
        try:
            for key, file in way(bucket, environment, folder / kind):
                with file.open("rb") as opened:
                    total = hashlib.file_digest(opened, "sha256").hexdigest()
                found.append(Back(kind, key, str(file.relative_to(folder)), file.stat().st_size, total))
        except DingliError as error:
            trouble = error.found
        new = found[before:]
        facts = {"objects": len(new), "bytes": sum(one.bytes for one in new)}
        by_kind[kind] = facts | {"seconds": round(time.monotonic() - began, 3), "trouble": trouble}
    return found, by_kind


def _journals(bucket: Bucket, environment: Environment, folder: Path) -> Iterator[tuple[str, Path]]:
    """`dingli archive fetch` of every journal of every cell."""
    for cell in cells_in(bucket, environment):
        for name in journals(bucket, environment.name, cell):
            chain = chain_of_journal(bucket, environment.name, cell, name)
            files = fetch(bucket, chain, folder / cell / name)
            yield from ((link.version.key, file) for link, file in zip(chain.links, files, strict=True))


def _backups(kind: Kind) -> Callable[[Bucket, Environment, Path], Iterator[tuple[str, Path]]]:
    """`dingli backup restore` of everything of a kind."""

    def way(bucket: Bucket, environment: Environment, folder: Path) -> Iterator[tuple[str, Path]]:
        folder.mkdir(parents=True, exist_ok=True)
        for one in backups(bucket, environment.name, kind):
            yield one.versions[0].key, restore(bucket, one, folder / f"{one.name}-{one.sha256[:8]}")

    return way


def differences(before: list[Row], after: list[Back]) -> list[str]:
    """Of what was written down before the attack: what did not come back as it was."""
    sums: dict[str, set[str]] = {}
    for row in before:
        sums.setdefault(row.key, set()).add(row.sha256)
    back = {one.key: one.sha256 for one in after}
    missing = [f"{key}: did not come back" for key in sums if key not in back]
    other = [f"{key}: came back with another sum" for key in sums if key in back and back[key] not in sums[key]]
    return missing + other


def write(file: Path, found: list[Back]) -> None:
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in found))


def read(file: Path) -> list[Back]:
    return [Back(**json.loads(line)) for line in file.read_text().splitlines()]
