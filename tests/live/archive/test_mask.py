"""A masked part of a journal goes into an empty etcd: cores of both kinds execute it and go on from there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.cli.mask import app
from drills.checker.journal import read_segments
from drills.checker.reference import Reference
from drills.checker.stream import RandomStream
from drills.checker.wire import Entry, decode_command
from tests.live.core.harness import PREFIX, Cell, CoreProcess, until
from tests.live.minicore.rig import CoreProcess as MinimalCore

RunIn = Callable[[Callable[[Cell], object]], None]
CORES = {"a/main": "automatic", "m/minimal": "manual"}
BASE = Path(__file__).parents[2] / "unit" / "environment" / "base.yaml"


def masked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The entries of a masked copy, made by the command from a dump."""
    import base64

    entries = list(RandomStream(3).entries(2_000))
    dump = folder / "journal.jsonl"
    lines = [{"n": n, "value": base64.b64encode(entry).decode()} for n, entry in enumerate(entries, start=1)]
    dump.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = folder / "stacks" / "environments" / "base.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(BASE.read_text().replace("metals:", "alpha:"))
    monkeypatch.setenv("DINGLI_ROOT", str(folder))
    words = ["base", "alpha", "--dump", str(dump), "--from", "120", "--into", str(folder / "masked"), "--json"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    copy = read_segments(folder / "masked")
    assert said["entries"] == len(copy) == said["opening"] + len(entries) - 119
    assert sum(said["totals"]["trades"].values()) > 100
    assert not [path for path in (folder / "masked").iterdir() if b"M001" in path.read_bytes()]
    return copy


def test_a_masked_day_is_executed_in_a_test_environment(
    in_a_cell: RunIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = masked(tmp_path, monkeypatch)
    reference = Reference("alpha")
    for data in copy:
        reference.apply(data)

    async def scenario(cell: Cell) -> None:
        await until(lambda: cell.client.put(PREFIX + b"ready", b"1"), 30)
        core = CoreProcess(cell.folder, "a/main", [cell.etcd.url], CORES)
        folder = str(tmp_path / "masked")
        for _ in range(2):  # the second one finds all of it there
            said = json.loads(await asyncio.to_thread(core.ctl, "load", folder))
            assert said == {"loaded": len(copy), "hash": reference.hash.hex()}
        assert [raw for _, raw in await cell.log()] == copy

        minimal = MinimalCore("m/minimal", tmp_path, cell.etcd.url, lease_s=3)
        await asyncio.to_thread(minimal.start)
        core = await cell.core("a/main", CORES)
        try:
            await until(lambda: cell.leads(core), 60)
            await until(lambda: both_went_on(cell, len(copy)), 60)
        finally:
            await asyncio.to_thread(minimal.stop)
        first = Entry.decode((await cell.log())[len(copy)][1])
        assert decode_command(first.commands[0])["kind"] == "EpochStart"
        assert first.previous_hash == reference.hash
        with pytest.raises(AssertionError, match="a core leads"):
            await asyncio.to_thread(core.ctl, "load", folder)
        await asyncio.to_thread(core.stop)
        await until(cell.nobody_leads, 30)
        with pytest.raises(AssertionError, match="other entries"):
            await asyncio.to_thread(core.ctl, "load", folder)

    in_a_cell(scenario)


async def both_went_on(cell: Cell, head: int) -> bool:
    statuses = [await cell.value(f"status/{core.replace('/', ':')}") for core in CORES]
    return all(status is not None and status["head"] > head and status["role"] != "quarantined" for status in statuses)
