"""A snapshot that was backed up is a journal: an etcd that is started from it has every entry."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from dingli_etcd import Client

from dingli.archive import Bucket
from dingli.archive.backups import Kind, backups, keep, restore
from dingli.archive.collecting import snapshot
from dingli.environment import Archive
from tests.live.archive.history import have_history
from tests.live.core.harness import Cell, Etcd, until

RunIn = Callable[[Callable[[Cell], object]], None]


def stream_here(words: list[str], output: BinaryIO) -> None:
    """In place of a host's root shell."""
    subprocess.run(words, stdout=output, check=True)


def test_an_etcd_that_is_started_from_a_backup_holds_the_log(
    in_a_cell: RunIn, settings: Archive, tmp_path: Path
) -> None:
    bucket = Bucket(settings)
    bucket.make()

    async def scenario(cell: Cell) -> None:
        await have_history(cell, 250)
        log, taken = await cell.log(), tmp_path / "snapshot.gz"
        await asyncio.to_thread(snapshot, stream_here, ["--endpoints", cell.etcd.url], taken)
        assert keep(bucket, "test", Kind.ETCD, "20261121T100000Z", taken) is not None
        (kept,) = backups(bucket, "test", Kind.ETCD)
        back = restore(bucket, kept, tmp_path / "back")
        assert (await log_in_snapshot(back, tmp_path / "etcd-again"))[: len(log)] == log

    in_a_cell(scenario)


async def log_in_snapshot(packed: Path, folder: Path) -> list[tuple[int, bytes]]:
    """What an etcd that is started from it holds."""
    folder.mkdir()
    plain = folder / "snapshot"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    words = ["etcdctl", "snapshot", "restore", str(plain), "--data-dir", str(folder / "etcd")]
    subprocess.run(words, check=True, capture_output=True)
    etcd = Etcd(folder)
    client = Client([etcd.url], None, 30.0)
    try:
        return await until(Cell(folder, etcd, client).log, 30)  # type: ignore[no-any-return]
    finally:
        await client.close()
        etcd.stop()
