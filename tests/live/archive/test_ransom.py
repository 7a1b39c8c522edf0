"""Somebody has the archiver's own credentials and wants to be paid: everything comes back, and sums prove it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import subprocess
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import boto3
import pytest
from botocore.exceptions import ClientError
from dingli_etcd import Client

from dingli.archive import Bucket, Journal, archive_closed
from dingli.archive.backups import Kind, backups, check, keep, restore
from dingli.archive.collecting import evidence_tar, snapshot
from dingli.archive.fetching import chain_of_journal, fetch
from dingli.environment import Archive
from dingli.evidence.store import RunFolder
from drills.checker.journal import read_segments
from tests.live.archive.history import have_history
from tests.live.core.harness import Cell, CoreProcess, Etcd, until

RunIn = Callable[[Callable[[Cell], object]], None]
ONE = {"a/main": "automatic"}


def stream_here(words: list[str], output: BinaryIO) -> None:
    """In place of a host's root shell."""
    subprocess.run(words, stdout=output, check=True)


def run_of_evidence(folder: Path, number: int) -> RunFolder:
    path = folder / f"{number:06d}-drill-20261121T034500Z"
    (path / "raw").mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps({"number": number}))
    (path / "raw" / "output").write_bytes(b"what was seen\n" * 1_000)
    return RunFolder(number, "drill", "20261121T034500Z", path)


def ransom(client: Any, bucket: str) -> dict[str, int]:
    """All that ordinary credentials allow; what was refused, by what was tried.

    Shortening a lock is not tried: S3 refuses it, and the service of these tests would not.
    """
    refused: dict[str, int] = {}

    def attempt(what: str, call: Callable[[], object]) -> None:
        try:
            call()
        except ClientError:
            refused[what] = refused.get(what, 0) + 1

    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            place = {"Bucket": bucket, "Key": one["Key"]}
            version = place | {"VersionId": one["VersionId"]}
            client.put_object(**place, Body=b"Your files are encrypted.")
            client.put_object(**place, Body=b"Pay.")
            client.delete_object(**place)
            attempt("delete a version", partial(client.delete_object, **version))
            attempt("delete it with bypass", partial(client.delete_object, **version, BypassGovernanceRetention=True))
    attempt("delete the bucket", partial(client.delete_bucket, Bucket=bucket))
    return refused


def test_after_an_attack_everything_comes_back_and_sums_prove_it(
    in_a_cell: RunIn, settings: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = Bucket(settings)
    bucket.make()

    async def scenario(cell: Cell) -> None:
        await have_history(cell, 250)
        core = CoreProcess(cell.folder, "a/main", [cell.etcd.url], ONE)
        journal = Journal("alpha", lambda first, last: core.ctl("dump", "--from", str(first), "--to", str(last)))
        done = await asyncio.to_thread(archive_closed, bucket, "test", journal, settings.segment_entries)
        log = await cell.log()
        taken = tmp_path / "snapshot.gz"
        await asyncio.to_thread(snapshot, stream_here, ["--endpoints", cell.etcd.url], taken)

        sums: dict[str, str] = {}
        for kind, name, file in [(Kind.ETCD, "20261121T100000Z", taken), *evidence_files(tmp_path / "evidence")]:
            assert keep(bucket, "test", kind, name, file) is not None
            assert keep(bucket, "test", kind, name, file) is None
            sums[name] = hashlib.sha256(file.read_bytes()).hexdigest()

        client = boto3.client("s3", endpoint_url=settings.endpoint, region_name="us-east-1", verify=settings.ca)
        objects = len(bucket.versions(""))
        refused = ransom(client, bucket.name)
        assert refused["delete a version"] >= objects
        assert refused["delete it with bypass"] >= objects
        assert refused["delete the bucket"] == 1
        assert client.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 0  # as an ordinary look shows it

        began = time.monotonic()
        chain = chain_of_journal(bucket, "test", "alpha")
        assert chain.whole
        fetch(bucket, chain, tmp_path / "back")
        known = [one for kind in Kind for one in backups(bucket, "test", kind)]
        files = {one.name: restore(bucket, one, tmp_path / one.name) for one in known}
        seconds = time.monotonic() - began
        with capsys.disabled():
            print(f"\nrestored {len(chain.links)} segments and {len(files)} backups in {seconds:.2f} s")

        assert chain.sum == done.sum
        assert read_segments(tmp_path / "back") == [raw for _, raw in log][: done.last]
        assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()} == sums
        with tarfile.open(files["000002-drill-20261121T034500Z"]) as tar:
            tar.extractall(tmp_path / "unpacked", filter="data")
        assert (tmp_path / "unpacked" / "000002-drill-20261121T034500Z" / "raw" / "output").stat().st_size == 14_000
        for one in known:
            assert len(list(check(bucket, one))) == 3  # two other versions, one mark
        assert (await log_in_snapshot(files["20261121T100000Z"], tmp_path / "etcd-again"))[: len(log)] == log
        assert seconds < 60

    in_a_cell(scenario)


def evidence_files(folder: Path) -> list[tuple[Kind, str, Path]]:
    found = []
    for number in (1, 2, 3):
        run = run_of_evidence(folder, number)
        file, again = folder / f"{number}.tar.gz", folder / f"{number}-again.tar.gz"
        evidence_tar(run, file)
        evidence_tar(run, again)
        assert file.read_bytes() == again.read_bytes()
        found.append((Kind.EVIDENCE, run.path.name, file))
    return found


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
