"""Checking evidence: sums, signatures, chain, and completeness against what witnesses say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from dingli.evidence import manifest, signing
from dingli.evidence.exceptions import SignatureError, WitnessError
from dingli.evidence.manifest import Entry, Head, Manifest
from dingli.evidence.store import MANIFEST, SIGNATURE, RunFolder, Store
from dingli.evidence.witness import Answer, Statement, check_signature
from dingli.plain_text import printable

__all__ = ["Finding", "Level", "Verdict", "statements_as_answers", "verify"]

_LATE_S = 60.0
_MOST_SIGNATURE_BYTES = 64 * 1024


class Level(StrEnum):
    """How much a finding weighs."""

    BROKEN = "broken"
    """The evidence is not what was left behind."""
    UNPROVEN = "unproven"
    """Nothing contradicts it, and something that would prove it is missing."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return printable(f"{self.level.value}: {self.where}: found {self.found}, expected {self.expected}")


@dataclass(frozen=True)
class Verdict:
    """What came of it."""

    runs: int
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level | None:
        """The worst finding's level; None when everything is proven."""
        levels = {finding.level for finding in self.findings}
        return Level.BROKEN if Level.BROKEN in levels else Level.UNPROVEN if levels else None

    @property
    def words(self) -> str:
        """The verdict in one line."""
        if self.level is Level.BROKEN:
            return "the evidence was changed, or contradicts a witness"
        return "consistent and complete" if self.level is None else "consistent, completeness not proven"


def verify(store: Store, allowed_signers: Path, answers: Iterable[Answer]) -> Verdict:
    """Check all runs of a store.

    `allowed_signers` comes from outside the repository; when it is missing no signer is proven. `answers`: what the
    witnesses said, or that they could not be asked; none at all means completeness is not proven.
    """
    chain = [folder for folder in store.folders() if folder.closed]
    before = _before(store, chain)
    findings = [*_places(store, before), *_chain(store.environment, chain, before)]
    for folder in chain:
        findings += _files(folder)
    findings += _signatures(store.environment, chain, allowed_signers)
    heads = {folder.number: manifest.head_of(folder) for folder in chain}
    findings += _witnesses(store.environment, heads, before, allowed_signers, list(answers))
    return Verdict(len(chain), tuple(findings))


def _before(store: Store, chain: list[RunFolder]) -> Head | None:
    """The head after which this controller took over, unless the runs before it were brought here, too."""
    before = manifest.continued_from(store)
    return None if before is None or (chain and chain[0].number <= before.number) else before


def _places(store: Store, before: Head | None) -> Iterator[Finding]:
    """Numbers run from 1, or from where another controller ended, without a gap; every folder is a run, and closed."""
    for path in store.strangers():
        yield Finding(Level.BROKEN, path.name, "something that is no run", "runs only")
    if before is not None:
        found = f"that runs 1 to {before.number} were another controller's, and are not here"
        yield Finding(Level.UNPROVEN, store.continues.name, found, "every run: bring the evidence of that controller")
    folders = store.folders()
    for index, folder in enumerate(folders):
        expected = folders[index - 1].number + 1 if index else before.number + 1 if before else 1
        if folder.number > expected:
            missing = f"run {expected}" if folder.number == expected + 1 else f"runs {expected} to {folder.number - 1}"
            yield Finding(Level.BROKEN, folder.path.name, f"nothing before it: {missing} missing", "every number")
        elif folder.number < expected:
            yield Finding(Level.BROKEN, folder.path.name, f"number {folder.number} twice", "each number once")
        last = index == len(folders) - 1
        if not folder.closed and not last:
            yield Finding(Level.BROKEN, folder.path.name, "no signed manifest, yet later runs", "a closed run")
        elif not folder.closed and not store.run_under_way():
            found = "a run that was not closed (the next run closes it as interrupted)"
            yield Finding(Level.UNPROVEN, folder.path.name, found, "a closed run")


def _chain(environment: str, chain: list[RunFolder], before: Head | None) -> Iterator[Finding]:
    """Each manifest is of its folder and names the sum of the one before."""
    previous = before
    for folder in chain:
        where = f"{folder.path.name}/{MANIFEST}"
        said = manifest.read_sound(folder)
        if said is None:
            yield Finding(Level.BROKEN, where, "something that cannot be read", "a manifest")
        elif (said.environment, said.number, said.kind) != (environment, folder.number, folder.kind):
            found = f"the manifest of {said.environment} {said.number} {said.kind}"
            yield Finding(Level.BROKEN, where, found, f"{environment} {folder.number} {folder.kind}")
        elif not _began_when_its_folder_says(folder, said):
            yield Finding(Level.BROKEN, where, f"that it began at {said.started}", folder.started)
        elif said.previous != previous:
            wanted = f"run {previous.number} with sum {previous.sum}" if previous else "no run before it"
            after = f"run {said.previous.number} with sum {said.previous.sum}" if said.previous else "no run before it"
            yield Finding(Level.BROKEN, where, f"that it follows {after}", wanted)
        previous = manifest.head_of(folder)


def _began_when_its_folder_says(folder: RunFolder, said: Manifest) -> bool:
    """The folder's name is made in the second in which the run begins, or just before."""
    try:
        named = datetime.strptime(folder.started, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return abs((datetime.fromisoformat(said.started) - named).total_seconds()) < _LATE_S
    except (ValueError, TypeError, OverflowError):
        return False


def _files(folder: RunFolder) -> Iterator[Finding]:
    """The folder holds exactly the files of its manifest, unchanged."""
    said = manifest.read_sound(folder)
    if said is None:
        return
    listed = {entry.path: entry for entry in said.files}
    if len(listed) != len(said.files):
        yield Finding(Level.BROKEN, f"{folder.path.name}/{MANIFEST}", "a file listed twice", "each file once")
    seen: set[str] = set()
    for path in manifest.places_of(folder.path):
        name = manifest.name_of(folder.path, path)
        if name in listed and name not in seen:
            yield from _file(folder, path, listed[name])
        else:
            yield Finding(
                Level.BROKEN, f"{folder.path.name}/{name}", "a file that was added", "only what the manifest lists"
            )
        seen.add(name)
    for name in sorted(listed.keys() - seen):
        where = f"{folder.path.name}/{name}"
        yield Finding(Level.BROKEN, where, "no such file", "the file that the manifest lists")


def _file(folder: RunFolder, path: Path, listed: Entry) -> Iterator[Finding]:
    where, expected = f"{folder.path.name}/{listed.path}", f"{listed.size} bytes, sum {listed.sha256}"
    try:
        size = path.lstat().st_size
        if path.is_file() and not path.is_symlink() and size != listed.size:
            yield Finding(Level.BROKEN, where, f"{size} bytes", expected)  # a sum of what may be endless is not needed
            return
        there = manifest.entry_of(folder.path, path)
    except OSError as error:
        yield Finding(Level.BROKEN, where, f"a file that cannot be read: {error.strerror}", expected)
        return
    if there != listed:
        yield Finding(Level.BROKEN, where, f"{there.size} bytes, sum {there.sha256}", expected)


def _signatures(environment: str, chain: list[RunFolder], allowed_signers: Path) -> Iterator[Finding]:
    """Every manifest is signed by a key that allowed_signers names."""
    if not allowed_signers.is_file():
        yield Finding(Level.UNPROVEN, str(allowed_signers), "no such file", "the signers, from outside the repository")
        return
    principal = signing.operator_principal(environment)
    for folder in chain:
        if manifest.read_sound(folder) is None:
            continue  # said already, and whatever it is must not be read as a whole
        data = (folder.path / MANIFEST).read_bytes()
        with (folder.path / SIGNATURE).open("rb") as file:
            signature = file.read(_MOST_SIGNATURE_BYTES)
        try:
            signing.verify(allowed_signers, principal, signing.EVIDENCE_NAMESPACE, data, signature)
        except SignatureError as error:
            yield Finding(Level.BROKEN, f"{folder.path.name}/{SIGNATURE}", error.found, f"a signature of {principal}")


def _witnesses(
    environment: str, heads: dict[int, Head], before: Head | None, allowed_signers: Path, answers: list[Answer]
) -> Iterator[Finding]:
    """The witnesses know the same heads, to the last."""
    if not answers:
        yield Finding(Level.UNPROVEN, "witnesses", "no head from outside", "the heads that two witnesses keep")
    for answer in answers:
        where = f"witness {answer.witness}"
        if answer.statement is None:
            level = Level.BROKEN if answer.reached else Level.UNPROVEN
            yield Finding(level, where, answer.trouble, "its heads")
            continue
        if not allowed_signers.is_file():
            continue  # said once already
        principal = signing.witness_principal(environment, answer.witness)
        if not _names(allowed_signers, principal):
            found = f"no key of {principal} in {allowed_signers}"
            yield Finding(Level.UNPROVEN, where, found, "the witness's key, from outside the repository")
            continue
        try:
            check_signature(environment, answer.statement, allowed_signers)
            yield from _compare(where, answer.statement.heads(environment), heads, before)
        except (SignatureError, WitnessError) as error:
            yield Finding(Level.BROKEN, where, error.found, error.expected)


def _names(allowed_signers: Path, principal: str) -> bool:
    return any(
        principal in line.split(" ")[0].split(",") for line in allowed_signers.read_text(errors="replace").splitlines()
    )


def _compare(where: str, stated: dict[int, str], heads: dict[int, Head], before: Head | None) -> Iterator[Finding]:
    """`before` stands for the runs up to it: it must be the head that the witness knows."""
    here = heads if before is None else {**heads, before.number: before}
    for number, total in sorted(stated.items()):
        if before is not None and number < before.number:
            continue
        if number not in here:
            yield Finding(Level.BROKEN, where, f"run {number}, which is not here", "that every stated run is here")
        elif here[number].sum != total:
            yield Finding(Level.BROKEN, where, f"run {number} with sum {total}", here[number].sum)
    last = max(stated, default=0)
    unseen = [number for number in here if number > last]
    if unseen:
        yield Finding(Level.UNPROVEN, where, f"nothing about runs {min(unseen)} to {max(unseen)}", "every run's head")


def statements_as_answers(statements: Iterable[Statement]) -> list[Answer]:
    """Statements from a file; of each witness the one with most lines (every statement is the whole list)."""
    longest: dict[str, Statement] = {}
    for statement in sorted(statements, key=lambda statement: len(statement.lines)):
        longest[statement.witness] = statement
    return [Answer(host, statement) for host, statement in longest.items()]
