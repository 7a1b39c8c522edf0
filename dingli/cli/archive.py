"""Keep the journal where nobody can change it: archive, list, verify, fetch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from dingli import evidence
from dingli.archive import Bucket, Chain, Link, Outcome, archive_closed, journals, read_chain, settings_of
from dingli.archive.fetching import chain_of_journal
from dingli.archive.fetching import fetch as fetch_segments
from dingli.archive.looks import KIND, as_lines, earlier_looks, file_of, forgotten
from dingli.archive.placing import folder_of, on_host
from dingli.archive.placing import place as place_segments
from dingli.archive.source import over_ssh
from dingli.archive.telling import Pulse, tell
from dingli.archive.trimming import plan_trim
from dingli.cell import remote
from dingli.confirmation import confirmed
from dingli.environment import Environment, load
from dingli.evidence.store import Store
from dingli.exceptions import DingliError, ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentName, Yes

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli archive init prod\n\ndingli archive run prod --every 60\n\n"
    "dingli archive list prod alpha\n\ndingli archive verify prod",
)

_TRIM_S = 600.0

_Cell = Annotated[str | None, typer.Argument(metavar="CELL", help="Only this cell; left out: all.")]
_Journal = Annotated[
    str | None, typer.Option("--journal", help="One of several journals, as `list` shows them; left out: the newest.")
]


@app.command(epilog="Examples:\n\ndingli archive init prod\n\ndingli archive init prod --json")
def init(environment: EnvironmentName, as_json: AsJson = False) -> None:
    """Make the bucket of the archive, with versions and object lock; or see that the one there has both."""
    settings = settings_of(load(environment))
    made = Bucket(settings).make()
    if as_json:
        typer.echo(json.dumps({"bucket": settings.bucket, "made": made}))
    else:
        typer.echo(f"bucket {settings.bucket!r} {'made' if made else 'is there'}: versions and object lock are on")


@app.command(
    epilog="Examples:\n\ndingli archive run prod\n\ndingli archive run prod alpha --json\n\n"
    "dingli archive run prod --every 60"
)
def run(
    environment: EnvironmentName,
    cell: _Cell = None,
    every: Annotated[
        int | None, typer.Option(metavar="S", min=1, help="Go on, looking every S seconds, until Ctrl-C.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Archive what is closed of the journal. Ended anywhere and begun again anywhere, it goes on where it was."""
    declared = load(environment)
    bucket, cells = Bucket(settings_of(declared)), _cells(declared, cell)
    bucket.require()
    reached: dict[str, Outcome] = {}
    pulses: dict[str, Pulse] = {}
    while True:
        troubled = []
        for name in cells:
            began = time.time()
            troubled.append(_run_one(bucket, declared, name, reached, as_json, every is not None))
            if not troubled[-1]:
                pulses[name] = Pulse(name, began, reached[name].last)
        for problem in tell(declared, pulses.values()):
            typer.echo(problem, err=True)
        if every is None:
            raise typer.Exit(ExitCode.FAILED if any(troubled) else ExitCode.OK)
        time.sleep(every)


def _run_one(
    bucket: Bucket, declared: Environment, cell: str, reached: dict[str, Outcome], as_json: bool, goes_on: bool
) -> bool:
    """Whether there is anything to look after."""
    journal, size = over_ssh(declared, cell), settings_of(declared).segment_entries
    try:
        outcome = archive_closed(bucket, declared.name, journal, size, _progress, reached.get(cell))
        reached[cell] = outcome
    except DingliError as error:
        if not goes_on:
            raise
        typer.echo(f"{cell}: {error}", err=True)  # the journal keeps everything until it is archived
        return True
    if as_json:
        typer.echo(json.dumps(_plain(outcome)))
    elif outcome.written or not goes_on:
        typer.echo(f"{cell}: entries 1 to {outcome.last} are archived, {outcome.written} segments of them now")
    for doubt in outcome.doubts:
        typer.echo(f"{cell}: {doubt}", err=True)
    return bool(outcome.doubts)


@app.command("list", epilog="Examples:\n\ndingli archive list prod\n\ndingli archive list prod alpha --json")
def list_segments(environment: EnvironmentName, cell: _Cell = None, as_json: AsJson = False) -> None:
    """List journals and what is archived of them, by the bucket's own list: nothing is read or verified."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    rows: list[dict[str, Any]] = []
    for name in _cells(declared, cell):
        for journal, objects in journals(bucket, declared.name, name).items():
            sizes = [version.size for versions in objects.values() for version in versions[:1]]
            counts = {"segments": len(objects), "newest_first": max(objects), "bytes": sum(sizes)}
            rows.append({"cell": name, "journal": journal} | counts)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(
            f"{row['cell']:<12} {row['journal']}  {row['segments']:>7} segments  {row['bytes']:>14,} bytes  "
            f"the newest begins with entry {row['newest_first']}"
        )
    if not rows:
        typer.echo("nothing archived yet")


@app.command(
    epilog="Examples:\n\ndingli archive verify prod\n\ndingli archive verify prod alpha --json\n\n"
    "dingli archive verify prod --no-evidence"
)
def verify(
    environment: EnvironmentName,
    cell: _Cell = None,
    no_evidence: Annotated[
        bool, typer.Option("--no-evidence", help="Only look: leave nothing for the next comparison.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read all segments and every version of them; name what is missing, altered, or not as an earlier run saw it."""
    declared = load(environment)
    bucket, cells = Bucket(settings_of(declared)), _cells(declared, cell)
    bucket.require()
    chains = {name: _chains(bucket, declared, name) for name in cells}
    store = Store.of(declared.name)
    found = {
        name: [finding for chain in chains[name] for finding in chain.findings]
        + forgotten(chains[name], earlier_looks(store, name))
        for name in cells
    }
    if not no_evidence:
        with evidence.run(declared, kind=KIND, title=f"archive of {', '.join(cells)}") as kept:
            for name in cells:
                kept.add_raw(file_of(name), as_lines(chains[name]))
                kept.event("verified", cell=name, findings=found[name], journals=[_facts(one) for one in chains[name]])
            kept.result = evidence.Result.FAILED if any(found.values()) else evidence.Result.PASSED
    if as_json:
        said = [
            {"cell": name, "findings": found[name], "journals": [_facts(one) for one in chains[name]]} for name in cells
        ]
        typer.echo(json.dumps(said, indent=1))
    else:
        _show(chains, found)
    raise typer.Exit(ExitCode.FAILED if any(found.values()) else ExitCode.OK)


@app.command(
    epilog="Examples:\n\ndingli archive fetch prod alpha /srv/alpha-segments\n\n"
    "dingli archive fetch prod alpha segments --journal 20261121T100210Z-1a2b3c4d --json"
)
def fetch(
    environment: EnvironmentName,
    cell: Annotated[str, typer.Argument(metavar="CELL")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the segments go; made if it is not there.")],
    journal: _Journal = None,
    as_json: AsJson = False,
) -> None:
    """Bring a journal's segments here, verified: for a core that is rebuilt, the checker, or `dingli mask`."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    (name,) = _cells(declared, cell)
    began = time.monotonic()
    chain = chain_of_journal(bucket, declared.name, name, journal)
    files = fetch_segments(bucket, chain, folder, lambda done, of: _progress(f"{done} of {of} segments"))
    facts = _facts(chain) | {"folder": str(folder), "files": len(files), "seconds": round(time.monotonic() - began, 2)}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"{folder}: entries 1 to {chain.last} in {len(files)} files, {facts['seconds']} s")
        for finding in chain.findings:
            typer.echo(f"beside that: {finding}", err=True)


@app.command(epilog="Examples:\n\ndingli archive place prod alpha dr-1\n\ndingli archive place prod alpha dr-1 --json")
def place(
    environment: EnvironmentName,
    cell: Annotated[str, typer.Argument(metavar="CELL")],
    host: Annotated[str, typer.Argument(metavar="HOST", help="A host with a core of the cell.")],
    journal: _Journal = None,
    as_json: AsJson = False,
) -> None:
    """Put a journal's segments on a core's host: a new host cannot read from etcd what was removed there."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    (name,) = _cells(declared, cell)
    hosts = [core.host for core in declared.cells[name].cores]
    if host not in hosts:
        raise InputError(f"no core of {name} on {host!r}", f"one of: {', '.join(hosts)}")
    chain = chain_of_journal(bucket, declared.name, name, journal)
    placed = _placed(bucket, declared, name, [host], chain.links)
    if as_json:
        typer.echo(json.dumps({"host": host, "placed": placed, "last": chain.last}))
    else:
        typer.echo(f"{host}: entries 1 to {chain.last} are there, {placed} segments of them now")


@app.command(
    epilog="Examples:\n\ndingli archive trim prod alpha --dry-run\n\ndingli archive trim prod alpha\n\n"
    "dingli archive trim lab alpha --yes --json"
)
def trim(
    environment: EnvironmentName,
    cell: Annotated[str, typer.Argument(metavar="CELL")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove from etcd what is archived, old enough, executed by all cores, and on the host of each of them.

    Needs `archive.trim_after_hours`. The whole archive is read first, and the segments are put on the cores' hosts.
    """
    declared = load(environment)
    settings = settings_of(declared)
    (name,) = _cells(declared, cell)
    if settings.trim_after_hours is None:
        raise InputError(
            f"{declared.name} removes nothing from etcd", "`archive.trim_after_hours`", "see docs/archive.md first"
        )
    bucket = Bucket(settings)
    bucket.require()
    plan = plan_trim(chain_of_journal(bucket, declared.name, name), settings.trim_after_hours, time.time_ns())
    hosts = [core.host for core in declared.cells[name].cores]
    if not as_json or not (yes or dry_run):
        typer.echo(
            f"{name}: entries 1 to {plan.to}, {len(plan.links)} segments, leave etcd; on {', '.join(hosts)}",
            err=as_json,
        )
    if dry_run or not (yes or confirmed(declared)):
        if as_json:
            typer.echo(json.dumps({"to": plan.to, "removed": 0}))
        raise typer.Exit(ExitCode.OK if dry_run else ExitCode.FAILED)
    with evidence.run(declared, kind="trim", title=f"entries 1 to {plan.to} of {name} leave etcd") as kept:
        kept.event("plan", to=plan.to, hash=plan.hash, segments=[link.header.sum for link in plan.links], hosts=hosts)
        kept.event("placed", segments=_placed(bucket, declared, name, hosts, plan.links))
        words = ["--to", str(plan.to), "--hash", plan.hash, "--older-than-s", str(settings.trim_after_hours * 3600)]
        said = json.loads(remote.on_any_main_core(declared, name, "trim", *words, timeout_s=_TRIM_S))
        kept.event("removed", **said)
        kept.result = evidence.Result.PASSED
    typer.echo(json.dumps({"to": plan.to} | said) if as_json else f"{said['removed']} entries removed")


def _placed(bucket: Bucket, declared: Environment, cell: str, hosts: list[str], links: list[Link]) -> int:
    placed = 0
    for name in hosts:
        with on_host(declared, name) as host:
            placed += place_segments(bucket, links, folder_of(cell), host, _said_by(name))
    return placed


def _said_by(name: str) -> Callable[[str], None]:
    return lambda line: _progress(f"{name}: {line}")


def _chains(bucket: Bucket, declared: Environment, cell: str) -> list[Chain]:
    found = []
    for journal, objects in journals(bucket, declared.name, cell).items():
        _progress(f"{cell}: reading journal {journal}, {len(objects)} segments")
        found.append(read_chain(bucket, journal, cell, objects))
    return found


def _show(chains: dict[str, list[Chain]], found: dict[str, list[str]]) -> None:
    for cell, ones in chains.items():
        for chain in ones:
            state = "whole" if chain.whole else "NOT WHOLE"
            typer.echo(f"{cell}: journal {chain.name}: {len(chain.links)} segments, entries to {chain.last}: {state}")
        if not ones:
            typer.echo(f"{cell}: nothing archived yet")
        for finding in found[cell]:
            typer.echo(f"{cell}: {finding}")


def _facts(chain: Chain) -> dict[str, Any]:
    return {
        "journal": chain.name,
        "whole": chain.whole,
        "segments": len(chain.links),
        "last": chain.last,
        "sum": chain.sum,
    }


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "cell": outcome.cell,
        "journal": outcome.journal,
        "last": outcome.last,
        "sum": outcome.sum,
        "written": outcome.written,
        "doubts": list(outcome.doubts),
    }


def _cells(declared: Environment, cell: str | None) -> list[str]:
    if cell is not None and cell not in declared.cells:
        raise InputError(f"no cell {cell!r} in {declared.name}", f"one of: {', '.join(declared.cells)}")
    return [cell] if cell is not None else list(declared.cells)


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        typer.echo(line, err=True)
