"""Readings of evidence that is JSON, or lists of files; strict like the other readings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.exceptions import EvidenceError
from audit.objects import DECLARED
from audit.records import ObjectEvidence


def parsed(evidence: ObjectEvidence, name: str) -> Any:
    """The JSON that a command printed."""
    text = evidence.output(name)
    try:
        return json.loads(text)
    except ValueError as error:
        raise EvidenceError(f"{evidence.name}: {name}: not JSON: {text[:60]!r}", "the command's JSON") from error


def mapping(evidence: ObjectEvidence, name: str) -> dict[str, Any]:
    """The JSON object that a command printed."""
    found = parsed(evidence, name)
    if not isinstance(found, dict):
        raise EvidenceError(f"{evidence.name}: {name}: {type(found).__name__}", "a JSON object")
    return found


def declared(evidence: ObjectEvidence) -> dict[str, Any]:
    """What the environment declares about the object."""
    return mapping(evidence, DECLARED)


def answered(found: Mapping[str, Any], key: str, what: str) -> Any:
    """A value that has to be there."""
    if key not in found:
        raise EvidenceError(f"{what}: no {key!r} in it", "a complete answer")
    return found[key]


def names(evidence: ObjectEvidence, name: str) -> tuple[str, ...]:
    """The first word of each line; a command that found nothing and succeeded gives none."""
    record = evidence.record(name)
    if record.exit_status != 0:
        raise EvidenceError(
            f"{evidence.name}: `{record.command}` ended with {record.exit_status}: {record.stderr.strip()}"
        )
    return tuple(line.split()[0] for line in record.stdout.splitlines() if line.strip())


@dataclass(frozen=True)
class Entry:
    """A file: its mode as a number, `owner:group`, kind (f, d …; empty if not asked for) and path."""

    mode: int
    owners: str
    kind: str
    path: str


_ENTRY = re.compile(r"([0-7]{1,4}) (?:(\S) )?(\S+:\S+) (?:([a-zA-Z]) )?(/.*)")


def entries(evidence: ObjectEvidence, name: str, *, partial: bool = False) -> tuple[Entry, ...]:
    """Lines of find or stat. `partial`: some of the paths need not exist, and the command says so by failing."""
    record = evidence.record(name)
    if record.exit_status != 0 and not (partial and "No such file" in record.stderr):
        raise EvidenceError(
            f"{evidence.name}: `{record.command}` ended with {record.exit_status}: {record.stderr.strip()}"
        )
    found = []
    for line in record.stdout.splitlines():
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise EvidenceError(f"{evidence.name}: {name}: {line!r} is not a line of find")
        found.append(Entry(int(match[1], 8), match[3], match[2] or match[4] or "", match[5]))
    return tuple(found)


def when(evidence: ObjectEvidence, name: str) -> datetime:
    """When a record's command ran: the only clock that a judgement may read."""
    return evidence.record(name).started
