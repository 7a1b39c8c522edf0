"""What a host writes down about itself for monitoring."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "roles" / "node_exporter" / "files" / "host-facts"
DAY_S = 86400


@pytest.fixture(scope="module")
def facts() -> ModuleType:
    loader = SourceFileLoader("host_facts", str(SCRIPT))
    spec = importlib.util.spec_from_loader("host_facts", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def certificate(folder: Path, days: int) -> str:
    command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x", "-days", str(days)]
    command += ["-keyout", str(folder / "unused.key"), "-out", str(folder / "made")]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "made").read_text()


def test_a_chain_expires_with_its_first_certificate(facts: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "core.crt").write_text(certificate(tmp_path, 90) + certificate(tmp_path, 3))
    (line,) = facts.certificates(tmp_path, tmp_path / "known")
    name, _, end = line.partition(" ")
    assert name == 'dingli_certificate_expires_seconds{certificate="core"}'
    assert abs(int(end) - time.time() - 3 * DAY_S) < 60


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nno\n"])
def test_what_cannot_be_read_counts_as_expired(facts: ModuleType, tmp_path: Path, text: str) -> None:
    (tmp_path / "core.crt").write_text(text)
    assert facts.certificates(tmp_path, tmp_path / "known") == [
        'dingli_certificate_expires_seconds{certificate="core"} 0'
    ]


def test_a_certificate_is_read_once_and_again_when_it_was_replaced(
    facts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expires() -> int:
        (line,) = facts.certificates(tmp_path, tmp_path / "known")
        return int(line.split()[1])

    (tmp_path / "core.crt").write_text(certificate(tmp_path, 90))
    first = expires()
    with monkeypatch.context() as without:
        without.setattr(facts, "expiry", lambda _file: 1)
        assert expires() == first, "openssl was asked twice about the same file"
        (tmp_path / "core.crt").write_text(certificate(tmp_path, 3))
        assert expires() == 1, "a replaced certificate was not looked at"
    for nonsense in ("[nonsense", "[1]", "null"):
        (tmp_path / "known").write_text(nonsense)
        assert abs(expires() - time.time() - 3 * DAY_S) < 60


def test_a_link_that_leads_nowhere_counts_as_expired(facts: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "core.crt").symlink_to(tmp_path / "nowhere")
    (line,) = facts.certificates(tmp_path, tmp_path / "known")
    assert line == 'dingli_certificate_expires_seconds{certificate="core"} 0'


def test_the_newest_head_is_the_last_whole_line(facts: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lab.heads").write_text(f"1 {'a' * 64} 2026-01-01T00:00:00Z\n12 {'b' * 64} 2026-01-02T00:00:00Z\n13 cc")
    assert facts.heads(tmp_path)[0] == 'dingli_evidence_head{chain="lab"} 12'


def test_a_witness_that_was_told_nothing_has_no_head(facts: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lab.heads").touch()
    assert facts.heads(tmp_path)[0] == 'dingli_evidence_head{chain="lab"} 0'


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        (
            "C6120901,198.18.9.11,11,1.5,-0.000021,0,0,0,0,0,0,0,64.0,Normal",
            ["dingli_clock_synchronised 1", "dingli_clock_offset_seconds -2.1e-05"],
        ),
        (
            "00000000,,0,0.0,0.0,0,0,0,0,0,1.0,1.0,0.0,Not synchronised",
            ["dingli_clock_synchronised 0", "dingli_clock_offset_seconds 0.0"],
        ),
        ("506 Cannot talk to daemon", ["dingli_clock_synchronised 0"]),
    ],
)
def test_a_clock_is_what_chrony_says(
    facts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, lines: list[str]
) -> None:
    chronyc = tmp_path / "chronyc"
    chronyc.write_text(f"#!/bin/sh\necho '{said}'\n")
    chronyc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert facts.clock() == lines


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ("policy drop; policy drop; policy drop;", 1),
        ("policy drop; policy accept; policy drop;", 0),
        ("", 0),
    ],
)
def test_a_filter_is_there_if_every_direction_drops(facts: ModuleType, tmp_path: Path, said: str, there: int) -> None:
    nft = tmp_path / "nft"
    nft.write_text(f"#!/bin/sh\necho '{said}'\n")
    nft.chmod(0o755)
    assert facts.packet_filter(str(nft)) == [f"dingli_packet_filter {there}"]


def test_a_filter_that_cannot_be_asked_is_none(facts: ModuleType, tmp_path: Path) -> None:
    assert facts.packet_filter(str(tmp_path / "nft")) == ["dingli_packet_filter 0"]
