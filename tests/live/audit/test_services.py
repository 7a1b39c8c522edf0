"""Probes on a real core and a real gateway on loopback: what they are, and what one without TLS looks like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import catalogue
from audit.checks.services import try_service
from audit.judgement import engine, policy
from audit.judgement.engine import SubPointResult
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import ObjectEvidence, StoredRecord, sha256
from tests.live.gateway.cell import CELL, Cell

# No SM2/SM3/SM4; metrics in clear; and the test's certificates name localhost, not its address.
EXPECTED = {"national", "metrics", "certificate"}


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with Cell.trading(tmp_path_factory.mktemp("cell"), g1=True, clear=False) as cell:
        yield cell


def points(cell: Cell, kind: ObjectKind, name: str, listen: str) -> dict[tuple[str, str], SubPointResult]:
    """Sub-points by item and key, of what runs with this configuration."""
    config: dict[str, Any] = json.loads((cell.folder / f"{name}.json").read_text(encoding="utf-8"))
    said = {"address": "127.0.0.1", "port": int(config[listen].rpartition(":")[2]), "cell": CELL}
    if "metrics" in config:
        said["metrics_port"] = int(config["metrics"].rpartition(":")[2])
    records = try_service(name, kind, said, Path(config["tls"]["ca"]))
    stored = {one.name: StoredRecord(file=one.name, sha256=sha256(one.to_bytes()), record=one) for one in records}
    rows = engine.judge([ObjectEvidence(name=name, kind=kind, records=stored)], catalogue.load(), policy.load()).objects
    return {(row.item, point.key): point for row in rows for point in row.sub_points}


def failing(found: dict[tuple[str, str], SubPointResult]) -> set[str]:
    return {key for (_, key), point in found.items() if point.verdict is not Verdict.COMPLIANT}


def test_a_core_lets_nobody_in_and_speaks_sound_tls(cell: Cell) -> None:
    found = points(cell, ObjectKind.CORE, "host-1-main", "listen")
    assert failing(found) == EXPECTED
    assert found["8.1.4.8.a", "metrics"].verdict is Verdict.ERROR  # these cores serve none


def test_a_gateway_refuses_and_slows_whoever_guesses(cell: Cell) -> None:
    found = points(cell, ObjectKind.GATEWAY, "g1", "fix_listen")
    assert failing(found) == EXPECTED
    assert found["8.1.4.8.a", "metrics"].verdict is Verdict.NONCOMPLIANT
    assert found["8.1.4.1.b", "slowed"].verdict is Verdict.COMPLIANT


def test_a_gateway_without_tls_never_passes(cell: Cell) -> None:
    found = points(cell, ObjectKind.GATEWAY, "clear", "fix_listen")
    passed = {key for (_, key), point in found.items() if point.verdict is Verdict.COMPLIANT}
    assert passed <= {"plain"}, passed
