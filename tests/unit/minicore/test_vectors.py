"""The minimal core computes what the protocol's vectors state, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dingli_minicore.codec import decode_command, decode_entry, encode_command, encode_entry
from dingli_minicore.exceptions import MalformedError
from dingli_minicore.machine import Machine

VECTORS = Path(__file__).parents[3] / "docs" / "protocol" / "vectors"
STREAMS = sorted(path.stem for path in VECTORS.glob("*.json") if path.stem != "malformed")
MALFORMED = json.loads((VECTORS / "malformed.json").read_text())["commands"]


def _stream(name: str) -> tuple[str, list[dict[str, Any]]]:
    data = json.loads((VECTORS / f"{name}.json").read_text())
    return data["cell"], data["entries"]


@pytest.mark.parametrize("name", STREAMS)
def test_results_and_hashes_are_those_of_the_vectors(name: str) -> None:
    cell, entries = _stream(name)
    machine = Machine(cell)
    for expected in entries:
        data = bytes.fromhex(expected["entry"])
        assert decode_entry(data).previous == machine.hash
        outcome = machine.apply(data)
        assert outcome.results.hex() == expected["results"], expected["n"]
        assert machine.hash.hex() == expected["hash"], expected["n"]
        assert machine.head == expected["n"]


@pytest.mark.parametrize("name", STREAMS)
def test_entries_are_encoded_to_the_bytes_they_came_from(name: str) -> None:
    for expected in _stream(name)[1]:
        entry = decode_entry(bytes.fromhex(expected["entry"]))
        assert encode_entry(entry, [encode_command(each) for each in entry.commands]).hex() == expected["entry"]


@pytest.mark.parametrize("case", MALFORMED, ids=[case["what"] for case in MALFORMED])
def test_malformed_commands_are_refused(case: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        decode_command(bytes.fromhex(case["hex"]))


def test_an_entry_is_refused_with_anything_behind_it_or_missing() -> None:
    data = bytes.fromhex(_stream("trading")[1][2]["entry"])
    for length in range(len(data)):
        with pytest.raises(MalformedError):
            decode_entry(data[:length])
    with pytest.raises(MalformedError):
        decode_entry(data + b"\0")
