"""The command on a witness, run as it is on a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dingli.evidence import signing

from .conftest import SCRIPT

A, B = "a" * 64, "b" * 64


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    signing.ensure_key(tmp_path / "key", "witness")
    (tmp_path / "lab.heads").touch()
    return tmp_path


def ask(keep: Path, command: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-I", str(SCRIPT), "keep", str(keep), *command.split()]
    return subprocess.run(asked, capture_output=True, text=True, check=False)


def numbers(keep: Path) -> list[str]:
    return [line.split()[0] for line in (keep / "lab.heads").read_text().splitlines()]


def test_an_appended_head_is_answered_with_the_signed_list(keep: Path) -> None:
    ask(keep, f"append lab 1 {A}")
    answer = json.loads(ask(keep, f"append lab 2 {B}").stdout)
    assert [line.split()[:2] for line in answer["lines"][1:]] == [["1", A], ["2", B]]
    signers = keep / "signers"
    signers.write_text(signing.signer_line("w", signing.WITNESS_NAMESPACE, signing.public_key(keep / "key")) + "\n")
    text = "".join(line + "\n" for line in answer["lines"]).encode()
    signing.verify(signers, "w", signing.WITNESS_NAMESPACE, text, answer["signature"].encode())


def test_the_same_head_again_changes_nothing(keep: Path) -> None:
    ask(keep, f"append lab 1 {A}")
    assert ask(keep, f"append lab 1 {A}").returncode == 0
    assert numbers(keep) == ["1"]


def test_a_second_sum_for_a_number_is_refused(keep: Path) -> None:
    ask(keep, f"append lab 1 {A}")
    done = ask(keep, f"append lab 1 {B}")
    assert (done.returncode, numbers(keep)) == (1, ["1"])
    assert "has the sum" in done.stderr


def test_numbers_only_grow(keep: Path) -> None:
    ask(keep, f"append lab 5 {A}")
    assert ask(keep, f"append lab 4 {B}").returncode == 1
    assert numbers(keep) == ["5"]


def test_an_environment_without_a_list_is_refused(keep: Path) -> None:
    done = ask(keep, f"append other 1 {A}")
    assert done.returncode == 1
    assert not (keep / "other.heads").exists()


def test_appends_at_the_same_time_leave_whole_lines(keep: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda _: ask(keep, f"append lab 7 {A}"), range(4)))
    assert numbers(keep) == ["7"]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh",
        "append lab 0 " + A,
        "append lab 1 " + A[:-1],
        "append ../x 1 " + A,
        "append lab 1 " + A + " --more",
        "heads lab; id",
        "heads lab\nid",
        "key extra",
        "keep /tmp heads lab",
    ],
)
def test_as_a_forced_command_nothing_else_is_understood(command: str) -> None:
    environment = os.environ | {"SSH_ORIGINAL_COMMAND": command}
    done = subprocess.run([sys.executable, "-I", str(SCRIPT)], env=environment, capture_output=True, check=False)
    assert done.returncode == 2


def test_as_a_forced_command_it_becomes_the_keeper(tmp_path: Path) -> None:
    """sudo stands in as a program that says how it was called: who may become whom is the host's matter."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    sudo.chmod(0o755)
    environment = {"SSH_ORIGINAL_COMMAND": f"append lab 1 {A}", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    asked = [sys.executable, "-I", str(SCRIPT)]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    expected = f"-n -u dingli-heads /usr/local/lib/dingli/witness keep /var/lib/dingli-witness append lab 1 {A}"
    assert done.stdout.strip() == expected
