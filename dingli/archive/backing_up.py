"""Backing up what is new, kind by kind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dingli.archive.backups import Backup, Kind, keep
from dingli.archive.bucket import Bucket
from dingli.archive.collecting import evidence_tar, member_for_snapshot, on_member, snapshot, tls_words
from dingli.environment import Environment
from dingli.evidence.store import Store

__all__ = ["back_up"]


def back_up(
    bucket: Bucket,
    environment: Environment,
    kind: Kind,
    now: str,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[Backup]:
    """What is new, once it is kept: all closed runs of evidence, an export or a snapshot named `now`."""
    ways: dict[Kind, Callable[[Path], Iterator[tuple[str, Path]]]] = {
        Kind.EVIDENCE: lambda folder: _evidence(environment, folder),
        Kind.CONTROLLER: lambda folder: _controller(environment, folder, now),
        Kind.ETCD: lambda folder: _etcd(environment, folder, now),
    }
    with tempfile.TemporaryDirectory(prefix="dingli-backup-") as folder:
        for name, file in ways[kind](Path(folder)):
            one = keep(bucket, environment.name, kind, name, file)
            file.unlink()
            tell(f"{kind} {name}: {'kept' if one else 'is there'}")
            if one is not None:
                yield one


def _evidence(environment: Environment, folder: Path) -> Iterator[tuple[str, Path]]:
    for run_folder in Store.of(environment.name).folders():
        if run_folder.closed:
            file = folder / "run.tar.gz"
            evidence_tar(run_folder, file)
            yield run_folder.path.name, file


def _controller(environment: Environment, folder: Path, now: str) -> Iterator[tuple[str, Path]]:
    from dingli.controller.export import export  # the engine takes long to load

    file = folder / "export"
    file.write_bytes(export(environment))
    yield now, file


def _etcd(environment: Environment, folder: Path, now: str) -> Iterator[tuple[str, Path]]:
    member, file = member_for_snapshot(environment), folder / "snapshot.gz"
    with on_member(environment, member) as stream:
        snapshot(stream, tls_words(environment, member), file)
    yield now, file
