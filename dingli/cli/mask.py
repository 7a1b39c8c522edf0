"""Copy a day of the journal for test environments: the same trading, nobody's names.

Members, accounts, order ids and all free texts become other names: the same for the same, and no way back, because the
key is made for this run and kept nowhere. Prices, quantities, order, times and totals stay; that is checked, by
executing both, before anything is written.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from dingli.archive import Bucket, pack, unpack
from dingli.archive.fetching import file_name
from dingli.archive.reading import whole_journal
from dingli.archive.segment import NOTHING_BEFORE, head_of_entry
from dingli.archive.source import over_ssh
from dingli.environment import Environment, load
from dingli.exceptions import InputError
from dingli.mask import MaskedCopy, MaskError
from dingli.mask import mask as masked_copy
from dingli.parameters import AsJson, EnvironmentName
from drills.checker.journal import read_dump
from drills.checker.record import Incomplete

app = typer.Typer()

_SEGMENT = 5_000
_EXAMPLES = [
    "dingli mask prod alpha --day 2026-11-20 --into /srv/alpha-masked",
    "dingli mask prod alpha --from 120001 --to 180000 --as test --into masked --json",
    "dingli mask prod alpha --dump journal.jsonl --into masked",
]


@app.command(epilog="Examples:\n\n" + "\n\n".join(_EXAMPLES))
def mask(
    environment: EnvironmentName,
    cell: Annotated[str, typer.Argument(metavar="CELL")],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the copy goes; must not exist, or be empty.")],
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The entries of this day, UTC.")] = None,
    first: Annotated[int | None, typer.Option("--from", metavar="N", min=1, help="From this entry on.")] = None,
    last: Annotated[int | None, typer.Option("--to", metavar="N", min=1, help="Up to this entry.")] = None,
    dump: Annotated[
        Path | None,
        typer.Option(help="Read a dump (and `segments` beside it), not the archive and the journal."),
    ] = None,
    as_cell: Annotated[
        str | None, typer.Option("--as", metavar="CELL", help="The copy's cell; left out: the same.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a day, or a range of entries, of a cell's journal with other names; it can be executed by itself."""
    declared = load(environment)
    if cell not in declared.cells:
        raise InputError(f"no cell {cell!r} in {declared.name}", f"one of: {', '.join(declared.cells)}")
    if day is not None and (first or last):
        raise InputError("--day and --from or --to", "one or the other")
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InputError(f"something in {into}", "a folder that is empty or not there yet", "name another")
    within = _day(day) if day else None
    began = time.monotonic()
    entries = _read_dump(dump) if dump else _read(declared, cell, last)
    begin, end = _range(entries, within) if within else (first or 1, last or len(entries))
    if not begin <= end <= len(entries):
        raise InputError(f"entries {begin} to {end} of {len(entries)}", "a range inside the journal")
    copy = masked_copy(cell, entries[:end], begin, as_cell, _progress)
    facts = _written(copy, into) | {"seconds": round(time.monotonic() - began, 1)}
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{into}: {facts['entries']} entries, {facts['opening']} of them bring back what stood before")
    for symbol, volume in sorted(copy.totals.volume.items()):
        typer.echo(f"{symbol}: {copy.totals.trades[symbol]} trades, {volume} traded, as in the original")


def _written(copy: MaskedCopy, into: Path) -> dict[str, object]:
    """Segments, as the archive has them, and what they add up to."""
    into.mkdir(parents=True, exist_ok=True)
    previous = NOTHING_BEFORE
    for at in range(0, len(copy.entries), _SEGMENT):
        data = pack(copy.cell, copy.entries[at : at + _SEGMENT], previous)
        (into / file_name(at + 1)).write_bytes(data)
        previous = unpack(data).header.sum
    facts: dict[str, object] = {
        "cell": copy.cell,
        "entries": len(copy.entries),
        "opening": copy.opening,
        "names": copy.names,
        "totals": copy.totals.plain(),
    }
    (into / "mask.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def _read_dump(dump: Path) -> list[bytes]:
    try:
        return read_dump(dump).entries
    except (Incomplete, OSError) as error:
        raise MaskError(f"{dump}: {error}", "all entries from 1 on", "docs/checker.md says what a dump is") from None


def _read(declared: Environment, cell: str, last: int | None) -> list[bytes]:
    bucket = Bucket(declared.archive) if declared.archive is not None else None
    return whole_journal(bucket, declared.name, over_ssh(declared, cell), last, _progress)


def _day(text: str) -> tuple[int, int]:
    """Its first nanosecond, and the next day's."""
    try:
        begin = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        raise InputError(f"the day {text!r}", "a date such as 2026-11-20") from None
    return int(begin.timestamp()) * 10**9, int((begin + timedelta(days=1)).timestamp()) * 10**9


def _range(entries: list[bytes], within: tuple[int, int]) -> tuple[int, int]:
    heads = [head for head in map(head_of_entry, entries) if within[0] <= head.time_ns < within[1]]
    if not heads:
        raise InputError("no entry of that day (UTC) in the journal", "a day on which the cell ran")
    return heads[0].n, heads[-1].n


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        typer.echo(line, err=True)
