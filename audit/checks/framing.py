"""Takes apart what gather.sh prints. A byte too few or too many is an error: cut-off output must not be judged."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from audit.exceptions import EvidenceError
from audit.records import Record

_HEAD = re.compile(rb"#record (\S+) (\d+) ([\d.]+) ([\d.]+) (\d+) (\d+) (\d+)")
_END = re.compile(rb"#end (\d+)\n?")


def split(stream: bytes, host: str) -> tuple[Record, ...]:
    """The records in the output of gather.sh on `host`. Raises EvidenceError if it is not whole."""
    records: list[Record] = []
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


def _one(stream: bytes, position: int, host: str) -> tuple[Record, int]:
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
        texts.append(stream[position : position + length].decode("utf-8", "backslashreplace"))
        position += length + 1
    started, ended = float(head[3]), float(head[4])
    record = Record(
        name=head[1].decode(),
        host=host,
        command=texts[0],
        exit_status=int(head[2]),
        started=datetime.fromtimestamp(started, UTC),
        duration_s=round(ended - started, 3),
        stdout=texts[1],
        stderr=texts[2],
    )
    return record, position
