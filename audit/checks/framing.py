"""Takes apart what gather.sh and audit-facts print. A byte too few or many is an error: nothing cut off is judged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.exceptions import EvidenceError
from audit.records import Record

_HEAD = re.compile(rb"#record ([\w.@-]+) (\d+) ([\d.]+) ([\d.]+) (\d+) (\d+) (\d+)")
_END = re.compile(rb"#end (\d+)\n?")


@dataclass(frozen=True)
class Framed:
    """One record of the stream, its texts as they came."""

    name: str
    exit_status: int
    started: float
    ended: float
    command: bytes
    stdout: bytes
    stderr: bytes

    def record(self, owner: str) -> Record:
        return Record(
            name=self.name,
            host=owner,
            command=_text(self.command),
            exit_status=self.exit_status,
            started=datetime.fromtimestamp(self.started, UTC),
            duration_s=round(self.ended - self.started, 3),
            stdout=_text(self.stdout),
            stderr=_text(self.stderr),
        )


def split(stream: bytes, host: str) -> tuple[Framed, ...]:
    """The records in such an output of `host`. Raises EvidenceError if it is not whole."""
    records: list[Framed] = []
    position = 0
    while not (end := _END.fullmatch(stream, position)):
        record, position = _one(stream, position, host)
        records.append(record)
    if int(end[1]) != len(records):
        raise EvidenceError(f"{host}: {len(records)} records arrived, the host sent {int(end[1])}")
    names = [record.name for record in records]
    if len(set(names)) != len(names):
        raise EvidenceError(f"{host}: two records have the same name", "one record for each command")
    return tuple(records)


def _one(stream: bytes, position: int, host: str) -> tuple[Framed, int]:
    head_end = stream.find(b"\n", position)
    head = _HEAD.fullmatch(stream[position:head_end]) if head_end >= 0 else None
    if head is None:
        found = stream[position : position + 60]
        raise EvidenceError(f"{host}: the output is cut off or mixed with other text at byte {position}: {found!r}")
    position = head_end + 1
    texts = []
    for length in (int(head[5]), int(head[6]), int(head[7])):
        if stream[position + length : position + length + 1] != b"\n":
            raise EvidenceError(f"{host}: record {head[1].decode()} is cut off")
        texts.append(stream[position : position + length])
        position += length + 1
    return Framed(head[1].decode(), int(head[2]), float(head[3]), float(head[4]), *texts), position


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
