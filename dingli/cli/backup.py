"""Keep evidence, the controller's state and snapshots of etcd in the archive's bucket, and bring them back."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dingli import evidence
from dingli.archive import Bucket, settings_of
from dingli.archive.backing_up import back_up
from dingli.archive.backups import FILE, KIND, Backup, Kind, backups, check, unnamed
from dingli.archive.backups import restore as restore_one
from dingli.environment import load
from dingli.evidence import Store
from dingli.exceptions import DingliError, ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentName

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli backup run prod\n\ndingli backup list prod\n\ndingli backup verify prod\n\n"
    "dingli backup restore prod evidence restored",
)

_Only = Annotated[list[Kind] | None, typer.Option("--only", help="evidence, controller or etcd (repeat for more).")]


@app.command(epilog="Examples:\n\ndingli backup run prod\n\ndingli backup run prod --only evidence --only etcd --json")
def run(environment: EnvironmentName, only: _Only = None, as_json: AsJson = False) -> None:
    """Back up what is new: closed runs of evidence, the controller's sealed export, a snapshot of a journal member.

    What fails is told, and the rest is done all the same. Exit status 1 then.
    """
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    bucket.require()
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    kinds = only or list(Kind)
    kept: list[Backup] = []
    troubles: dict[str, str] = {}
    with evidence.run(declared, kind=KIND, title=f"backup of {', '.join(kinds)}") as leaving:
        for kind in kinds:
            try:
                kept.extend(back_up(bucket, declared, kind, now, _progress))
            except DingliError as error:
                troubles[kind] = error.found
        leaving.add_raw(FILE, "".join(json.dumps(one.row) + "\n" for one in kept))
        leaving.event("backed up", kept=len(kept), troubles=troubles)
        leaving.result = evidence.Result.FAILED if troubles else evidence.Result.PASSED
    if as_json:
        typer.echo(json.dumps({"kept": [one.row for one in kept], "troubles": troubles}))
    for kind in () if as_json else kinds:
        new = sum(one.kind is kind for one in kept)
        typer.echo(f"{kind}: {f'FAILED: {troubles[kind]}' if kind in troubles else f'{new} new'}")
    raise typer.Exit(ExitCode.FAILED if troubles else ExitCode.OK)


@app.command("list", epilog="Examples:\n\ndingli backup list prod\n\ndingli backup list prod --only etcd --json")
def list_backups(environment: EnvironmentName, only: _Only = None, as_json: AsJson = False) -> None:
    """List what is kept."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    rows = [
        {"kind": kind, "name": one.name, "bytes": one.versions[0].size, "sha256": one.sha256}
        for kind in only or list(Kind)
        for one in backups(bucket, declared.name, kind)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['kind']:<10} {row['name']:<40} {row['bytes']:>14,} bytes  {row['sha256']}")
    if not rows:
        typer.echo("nothing kept yet")


@app.command(epilog="Examples:\n\ndingli backup verify prod\n\ndingli backup verify prod --only etcd --json")
def verify(environment: EnvironmentName, only: _Only = None, as_json: AsJson = False) -> None:
    """Read every version of everything that is kept; name what is altered or deleted. Exit status 1 then."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    bucket.require()
    every = [one for kind in only or list(Kind) for one in backups(bucket, declared.name, kind)]
    findings = [finding for one in every for finding in check(bucket, one)]
    findings += unnamed(every, Store.of(declared.name))
    if as_json:
        typer.echo(json.dumps({"kept": len(every), "findings": findings}, indent=1))
    else:
        for finding in findings:
            typer.echo(finding)
        typer.echo(f"{len(every)} kept: " + (f"{len(findings)} findings" if findings else "as they were"))
    raise typer.Exit(ExitCode.FAILED if findings else ExitCode.OK)


@app.command(
    epilog="Examples:\n\ndingli backup restore prod evidence restored\n\n"
    "dingli backup restore prod etcd restored --name 20261121T100210Z --json"
)
def restore(
    environment: EnvironmentName,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="evidence, controller or etcd.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where it goes; made if it is not there.")],
    name: Annotated[
        str | None, typer.Option(help="As `list` shows it; left out: all evidence, else the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring back the versions that are what their names say, whatever was written over them."""
    declared = load(environment)
    bucket = Bucket(settings_of(declared))
    known = backups(bucket, declared.name, kind)
    chosen = [one for one in known if name in (None, one.name)]
    if not chosen:
        raise InputError(f"no {kind} {name or ''} is kept", "a name that `dingli backup list` shows")
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = chosen if kind is Kind.EVIDENCE else chosen[-1:]
    files = [restore_one(bucket, one, folder / _file_name(one)) for one in wanted]
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        typer.echo(json.dumps({"files": [str(file) for file in files], "seconds": seconds}))
    else:
        typer.echo(f"{len(files)} files in {folder}, with the sums that their names in the bucket say, {seconds} s")


def _file_name(backup: Backup) -> str:
    ending = {Kind.EVIDENCE: ".tar.gz", Kind.CONTROLLER: ".export", Kind.ETCD: ".db.gz"}[backup.kind]
    return backup.name + ending


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        typer.echo(line, err=True)
