"""What a shell offers after TAB, asked as bash and zsh ask; and what becomes of output that nobody reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dingli.cli.main import command_names

_RUN = [sys.executable, "-c", "from dingli.cli.main import run; run()"]
_ROOT = Path(__file__).resolve().parents[3]


def _offered(line: str) -> list[str]:
    words = line.split(" ")
    asked = {"_DINGLI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(_RUN, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dingli dri", ["drill"]),
        ("dingli check l", ["lab"]),
        ("dingli env show ", ["lab"]),
        ("dingli audit run ", ["lab"]),
        ("dingli drill site", ["site_call", "site_loss"]),
        ("dingli drill site_loss l", ["lab"]),
        ("dingli drill site_loss lab --site st", ["standby"]),
        ("dingli drill site_loss lab --cell al", ["alpha"]),
        ("dingli up lab --site d", ["dr"]),
        ("dingli up lab --call d", ["dr"]),
        ("dingli lab console dr", ["dr-1"]),
        ("dingli audit run lab --host standby", ["standby-1", "standby-2"]),
        ("dingli check nothing-like-it", []),
    ],
)
def test_names_of_the_environment_are_offered(line: str, offered: list[str]) -> None:
    assert _offered(line) == offered


def test_every_command_is_offered() -> None:
    assert set(_offered("dingli ")) == set(command_names())


def test_a_broken_environment_file_offers_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "stacks" / "environments").mkdir(parents=True)
    (tmp_path / "stacks" / "environments" / "torn.yaml").write_text("sites: {a: [")
    line = "dingli up torn --site "
    asked = {"_DINGLI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "4", "DINGLI_ROOT": str(tmp_path)}
    done = subprocess.run(_RUN, env={**os.environ, **asked}, capture_output=True, text=True, check=True)

    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_zsh_is_offered_the_same() -> None:
    asked = {"_DINGLI_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "dingli up lab --site d"}
    done = subprocess.run(_RUN, env={**os.environ, **asked}, capture_output=True, text=True, check=True)

    assert '"dr"' in done.stdout


@pytest.mark.parametrize("words", [["env", "show", "lab", "--json"], ["env", "check", "lab"]])
def test_output_that_nobody_reads_ends_the_command_quietly(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*_RUN, *words], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=_ROOT)
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, "")


def test_standard_output_may_be_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *_RUN, "env", "check", "lab"], stderr=subprocess.PIPE, text=True, cwd=_ROOT
    )

    assert "Traceback" not in done.stderr
