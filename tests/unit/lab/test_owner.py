"""One lab per machine: who may use it, and when a lab counts as abandoned."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab import owner
from lab.owner import Claim, Owner

HERE = Path("/home/somebody/dingli")


@pytest.mark.parametrize(
    ("holder", "unattended", "claim"),
    [
        (None, False, Claim.FREE),
        (None, True, Claim.FREE),
        (Owner(str(HERE), (7,)), False, Claim.OURS),
        (Owner(str(HERE), (7,)), True, Claim.OURS),
        (Owner("/elsewhere", (7,)), False, Claim.FOREIGN),
        (Owner("/elsewhere"), False, Claim.FOREIGN),
        (Owner("/elsewhere", (7,)), True, Claim.FOREIGN),
        (Owner("/elsewhere"), True, Claim.ABANDONED),
    ],
)
def test_only_an_unattended_run_takes_over_and_only_what_is_abandoned(
    holder: Owner | None, unattended: bool, claim: Claim
) -> None:
    assert owner.judge(holder, HERE, unattended) is claim


def test_the_refusal_names_the_owner_its_processes_and_the_way_out() -> None:
    refusal = str(owner.refuse(Owner("/elsewhere", (7, 8)), unattended=False))
    assert "/elsewhere" in refusal
    assert "7, 8" in refusal
    assert "dingli lab reset" in refusal


def test_a_process_that_works_in_the_clone_keeps_its_lab(tmp_path: Path) -> None:
    assert owner.processes_of(tmp_path) == ()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=tmp_path) as worker:
        try:
            assert owner.processes_of(tmp_path) == (worker.pid,)
        finally:
            worker.kill()


def test_a_clone_whose_name_only_begins_alike_is_another(tmp_path: Path) -> None:
    other = tmp_path / "dingli-two"
    other.mkdir()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=other) as worker:
        try:
            assert owner.processes_of(tmp_path / "dingli") == ()
        finally:
            worker.kill()
