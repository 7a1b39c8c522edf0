"""The machine agrees with the protocol's test vectors, byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest
from dingli_core.commands import decode_command, encode_command
from dingli_core.entry import decode_entry, encode_entry
from dingli_core.exceptions import DecodingError
from dingli_core.machine import Machine

VECTORS = Path(__file__).parents[3] / "docs" / "protocol" / "vectors"
STREAMS = [path for path in sorted(VECTORS.glob("*.json")) if path.name != "malformed.json"]
MALFORMED: list[dict[str, str]] = json.loads((VECTORS / "malformed.json").read_text())["commands"]


def test_there_are_vectors() -> None:
    assert len(STREAMS) >= 3
    assert MALFORMED


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_results_and_hashes_are_those_of_the_vectors(path: Path) -> None:
    stream: dict[str, Any] = json.loads(path.read_text())
    machine = Machine(stream["cell"])
    for wanted in stream["entries"]:
        raw = bytes.fromhex(wanted["entry"])
        entry = decode_entry(raw)
        assert encode_entry(entry) == raw
        assert entry.previous_hash == machine.hash
        for command in entry.commands:
            assert encode_command(decode_command(command)) == command
        applied = machine.apply(entry, raw)
        for result, told in zip(applied.results, wanted.get("commands", []), strict=False):
            assert result[0] == told["status"], told
        assert b"".join(applied.results).hex() == wanted["results"], f"entry {entry.n}"
        assert machine.hash.hex() == wanted["hash"], f"entry {entry.n}"


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case["what"])
def test_bytes_that_no_encoder_makes_do_not_decode(case: dict[str, str]) -> None:
    with pytest.raises(DecodingError):
        decode_command(bytes.fromhex(case["hex"]))
