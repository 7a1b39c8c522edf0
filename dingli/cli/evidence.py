"""List, show and verify the evidence that runs left behind."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from dingli.environment import load
from dingli.evidence import Store, manifest, signing, verification, witness
from dingli.evidence.exceptions import WitnessError
from dingli.evidence.store import MANIFEST, RunFolder, default_allowed_signers
from dingli.exceptions import ExitCode, InputError
from dingli.parameters import AsJson, EnvironmentOrPath

app = typer.Typer(
    no_args_is_help=True,
    epilog="Examples:\n\ndingli evidence list lab\n\ndingli evidence show lab 12\n\ndingli evidence verify lab",
)

_NUMBER = typer.Argument(metavar="N", help="Number of the run, as `dingli evidence list` shows it.")
_SIGNERS = typer.Option(
    None, "--allowed-signers", help="Who may sign; default ~/.config/dingli/<environment>.allowed_signers."
)
_HEADS = typer.Option(None, "--heads", help="Witnesses' statements from a file, instead of asking them.")


@app.command("list", epilog="Examples:\n\ndingli evidence list lab\n\ndingli evidence list lab --json")
def list_runs(name: EnvironmentOrPath, as_json: AsJson = False) -> None:
    """List the runs, with their results."""
    rows = [_row(folder) for folder in Store.of(load(name).name).folders()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(
            f"{row['number']:>6}  {row['kind']:<8}  {row['started']:<26.26}  {row['result']:<11}  {row['title']}"
        )
    if not rows:
        typer.echo("no runs yet")


@app.command(epilog="Examples:\n\ndingli evidence show lab 12\n\ndingli evidence show lab 12 --json")
def show(name: EnvironmentOrPath, number: int = _NUMBER, as_json: AsJson = False) -> None:
    """Show one run: its facts and files."""
    folder = next((folder for folder in Store.of(load(name).name).folders() if folder.number == number), None)
    if folder is None:
        raise InputError(f"no run {number}", "the number of a run", f"see `dingli evidence list {name}`")
    said = manifest.read_sound(folder) if folder.closed else None
    if as_json:
        typer.echo(json.dumps(_row(folder) | {"manifest": said.model_dump(mode="json") if said else None}, indent=2))
        return
    for key, value in _row(folder).items():
        typer.echo(f"{key:<8} {value}")
    for entry in said.files if said else ():
        typer.echo(f"{entry.sha256}  {entry.size:>10}  {entry.path}")


@app.command(
    epilog="Examples:\n\ndingli evidence verify lab\n\n"
    "dingli evidence verify lab --allowed-signers signers --heads heads --json"
)
def verify(
    name: EnvironmentOrPath,
    allowed_signers: Path | None = _SIGNERS,
    heads: Path | None = _HEADS,
    as_json: AsJson = False,
) -> None:
    """Check sums, signatures, chain and completeness. Status 1: changed; 3: consistent, completeness not proven."""
    environment = load(name)
    store = Store.of(environment.name)
    signers = allowed_signers or default_allowed_signers(environment.name)
    _require_text(signers)
    if heads is not None:
        _require_file(heads)
        answers = verification.statements_as_answers(_statements(heads))
    else:
        answers = witness.ask_heads(environment, store)
    verdict = verification.verify(store, signers, answers)
    if as_json:
        found = [asdict(finding) for finding in verdict.findings]
        level = verdict.level.value if verdict.level else "proven"
        facts: dict[str, Any] = {"verdict": level, "words": verdict.words, "runs": verdict.runs, "findings": found}
        typer.echo(json.dumps(facts, indent=2))
    else:
        for finding in verdict.findings:
            typer.echo(str(finding))
        typer.echo(f"{verdict.runs} runs: {verdict.words}")
    raise typer.Exit(_status(verdict))


@app.command(epilog="Examples:\n\ndingli evidence signer lab >> ~/.config/dingli/lab.allowed_signers")
def signer(name: EnvironmentOrPath) -> None:
    """Print the lines to put into an allowed_signers file outside the repository."""
    environment = load(name)
    store = Store.of(environment.name)
    operator = signing.operator_principal(environment.name)
    public = signing.public_key(store.known_signing_key())
    typer.echo(signing.signer_line(operator, signing.EVIDENCE_NAMESPACE, public))
    for file in sorted(store.witness_keys.glob("*.pub")):
        principal = signing.witness_principal(environment.name, file.stem)
        typer.echo(signing.signer_line(principal, signing.WITNESS_NAMESPACE, file.read_text().strip()))


@app.command(
    "heads", epilog="Examples:\n\ndingli evidence heads lab > heads\n\ndingli evidence verify lab --heads heads"
)
def print_heads(name: EnvironmentOrPath) -> None:
    """Ask the witnesses for their heads and print them signed, one line each: a copy to keep elsewhere."""
    environment = load(name)
    answers = witness.ask_heads(environment, Store.of(environment.name))
    for answer in answers:
        if answer.statement is not None:
            typer.echo(answer.statement.model_dump_json())
        else:
            typer.echo(f"{answer.witness}: {answer.trouble}", err=True)
    if not all(answer.statement for answer in answers):
        raise typer.Exit(ExitCode.UNKNOWN)


def _status(verdict: verification.Verdict) -> ExitCode:
    if verdict.level is verification.Level.BROKEN:
        return ExitCode.FAILED
    return ExitCode.OK if verdict.level is None else ExitCode.UNKNOWN


def _row(folder: RunFolder) -> dict[str, Any]:
    row: dict[str, Any] = {"number": folder.number, "kind": folder.kind, "started": folder.started}
    row |= {"result": "open", "title": "", "folder": str(folder.path)}
    if folder.closed:
        said = manifest.read_sound(folder)
        if said is None:
            return row | {"result": "unreadable", "title": f"{MANIFEST} cannot be read: `dingli evidence verify`"}
        row |= {"started": said.started, "result": said.result.value, "title": said.title}
    return row


def _statements(heads: Path) -> list[witness.Statement]:
    try:
        return witness.read_statements(heads)
    except WitnessError as error:
        raise InputError(error.found, error.expected, error.remedy) from None


def _require_file(file: Path) -> None:
    """A file that was named and cannot be read is wrong usage, not a finding about the evidence."""
    try:
        file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise InputError(f"{file} cannot be read: {reason}", "a text file", "correct the path") from None


def _require_text(signers: Path) -> None:
    if signers.is_file():  # `verify` itself says that there is none
        _require_file(signers)
