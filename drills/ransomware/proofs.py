"""That what came back can be used: the journal's chain, the evidence, the snapshot of etcd, the controller's export."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dingli.archive import SegmentDamaged, unpack
from dingli.archive.backups import Kind
from dingli.archive.segment import NOTHING_BEFORE
from dingli.controller.envelope import parse
from dingli.controller.recovery import read_key
from dingli.environment import Environment
from dingli.evidence import Store
from dingli.evidence.store import default_allowed_signers
from dingli.evidence.verification import Level, verify
from dingli.evidence.witness import ask_heads
from dingli.exceptions import DingliError
from drills.ransomware.ledger import JOURNAL
from drills.ransomware.restoring import Back

__all__ = ["Outcome", "Proof", "prove"]

_MOST_FINDINGS = 5
_ETCD_S = 300
_TOOLS = ("etcdutl", "etcdctl")


class Outcome(StrEnum):
    """Of one proof."""

    PROVEN = "proven"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    """Its sum is right; more was not looked at, and `words` say why."""


@dataclass(frozen=True)
class Proof:
    """What was looked at, and what came of it."""

    what: str
    outcome: Outcome
    words: str
    seconds: float = 0.0


def prove(environment: Environment, back: list[Back], folder: Path, recovery_key: str) -> list[Proof]:
    """One of each kind; whatever breaks is a failed proof."""
    ways: list[tuple[str, Callable[[], tuple[Outcome, str]]]] = [
        *((f"journal {name}", lambda files=files: _chain(files)) for name, files in _journals(back, folder)),
        ("evidence", lambda: _evidence(environment, _files(back, folder, Kind.EVIDENCE), folder / "unpacked")),
        ("snapshot of etcd", lambda: _snapshot(_files(back, folder, Kind.ETCD), folder / "etcd-again")),
        ("controller's export", lambda: _export(_files(back, folder, Kind.CONTROLLER), recovery_key)),
    ]
    found = []
    for what, way in ways:
        began = time.monotonic()
        try:
            outcome, words = way()
        except (DingliError, OSError, tarfile.TarError, EOFError, subprocess.SubprocessError) as error:
            outcome, words = Outcome.FAILED, error.found if isinstance(error, DingliError) else str(error)
        found.append(Proof(what, outcome, words, round(time.monotonic() - began, 3)))
    return found


def _files(back: list[Back], folder: Path, kind: Kind) -> list[Path]:
    """By name: evidence by number, the others by time."""
    return sorted(folder / one.file for one in back if one.kind == kind)


def _journals(back: list[Back], folder: Path) -> Iterator[tuple[str, list[Path]]]:
    found: dict[str, list[Path]] = {}
    for one in back:
        if one.kind == JOURNAL:
            file = folder / one.file
            found.setdefault(f"{file.parent.parent.name} {file.parent.name}", []).append(file)
    for name, files in found.items():
        yield name, sorted(files)


def _chain(files: list[Path]) -> tuple[Outcome, str]:
    """Every segment is whole, and follows from the one before."""
    last, previous = 0, NOTHING_BEFORE
    for file in files:
        header = unpack(file.read_bytes()).header
        if (header.first, header.previous) != (last + 1, previous):
            raise SegmentDamaged(f"{file.name} does not follow from the segment before it", f"entry {last + 1}")
        last, previous = header.last, header.sum
    return Outcome.PROVEN, f"entries 1 to {last} in {len(files)} segments, each following from the one before"


def _evidence(environment: Environment, files: list[Path], folder: Path) -> tuple[Outcome, str]:
    """As `dingli evidence verify`, on the runs that came back; those of an earlier installation are left out."""
    here = Store.of(environment.name)
    store = Store(environment.name, folder)
    store.runs.mkdir(parents=True, exist_ok=True)
    for file in files:
        with tarfile.open(file) as tar:
            tar.extractall(store.runs, filter="data")
    known = {run.path.name for run in here.folders()}
    others = [run.path for run in store.folders() if run.path.name not in known]
    if len(others) < len(store.folders()):  # a controller that lost all of its evidence knows none of them
        for path in others:
            shutil.rmtree(path)
    if here.continues.is_file():
        shutil.copy(here.continues, store.continues)
    asked = ask_heads(environment, here) if (here.state / "known_hosts").is_file() else []
    signers = default_allowed_signers(environment.name)
    verdict = verify(store, signers, asked)
    words = f"{verdict.runs} runs: {verdict.words}"
    if verdict.level is not Level.BROKEN:
        return Outcome.PROVEN, words
    before = {str(one) for one in verify(here, signers, asked).findings}
    broken = [str(one) for one in verdict.findings if one.level is Level.BROKEN]
    new = [one for one in broken if one not in before]
    said = "; ".join([words, *(new or broken)[:_MOST_FINDINGS]])
    return (
        (Outcome.FAILED, said)
        if new
        else (Outcome.NOT_TRIED, f"as the evidence here, of which the same is said: {said}")
    )


def _snapshot(files: list[Path], folder: Path) -> tuple[Outcome, str]:
    """The newest is restored into a folder from which a member could be started."""
    if not files:
        return Outcome.NOT_TRIED, "there is none"
    tool = next((name for name in _TOOLS if shutil.which(name)), None)
    if tool is None:
        return Outcome.NOT_TRIED, f"neither {' nor '.join(_TOOLS)} on this machine: its sum alone was compared"
    folder.mkdir(parents=True)
    plain = folder / "snapshot.db"
    with gzip.open(files[-1]) as source, plain.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    command = [tool, "snapshot", "restore", str(plain), "--data-dir", str(folder / "member")]
    done = subprocess.run(
        command, env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=_ETCD_S, check=False
    )
    if done.returncode or not (folder / "member" / "member" / "snap" / "db").is_file():
        return Outcome.FAILED, f"{tool} snapshot restore: {done.stderr.strip()[-300:]}"
    return Outcome.PROVEN, f"{tool} made a member's folder of it, {plain.stat().st_size} bytes"


def _export(files: list[Path], recovery_key: str) -> tuple[Outcome, str]:
    if not files:
        return Outcome.NOT_TRIED, "there is none"
    sealed = parse(files[-1].read_bytes())
    if not recovery_key:
        return Outcome.NOT_TRIED, f"it is whole from outside; no recovery key {sealed.header.recipient} was given"
    opened = sealed.open(read_key(Path(recovery_key)))
    states = sum(name.startswith("state/") for name in opened)
    return Outcome.PROVEN, f"opened with the recovery key: {len(opened)} files, {states} of them the stacks' state"
