"""The `dingli` command: quick to list, honest in its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dingli.cli import main
from dingli.exceptions import CannotTell, DingliError, InputError

_TOO_HEAVY = ("pulumi", "paramiko", "ansible_runner", "boto3", "pydantic", "locust")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`dingli` with one command more, `trial`, from `folder`."""
    program = (
        "import sys, pathlib; from dingli.cli import main; import dingli.cli;"
        f"main._FOLDER = pathlib.Path({str(folder)!r}); dingli.cli.__path__.append({str(folder)!r});"
        "main.run(sys.argv[1:])"
    )
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)


def _trial(folder: Path, body: str) -> None:
    (folder / "trial.py").write_text(
        f'"""Tries something out.\n\nMore."""\nimport typer\nfrom dingli.exceptions import *\n'
        f"app = typer.Typer()\n@app.command()\ndef go(name: str = 'x') -> None:\n    {body}\n"
    )


def test_help_lists_every_command_without_importing_what_it_needs() -> None:
    program = (
        "import sys; from dingli.cli.main import application; application([]);"
        f"print([name for name in {_TOO_HEAVY} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_every_command_has_a_help_line_and_an_app() -> None:
    for name in main.command_names():
        assert main.help_line(name), f"dingli/cli/{name}.py has no docstring"
        assert typer.main.get_command(main.application([name]))


def test_a_file_with_one_command_is_that_command(tmp_path: Path) -> None:
    _trial(tmp_path, "print('went', name)")
    assert "Tries something out." in _run(tmp_path, "--help").stdout
    assert _run(tmp_path, "trial", "--name", "there").stdout == "went there\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("raise DingliError('two found', 'one', 'remove one')", 1),
        ("raise InputError('two found', 'one', 'remove one')", 2),
        ("raise CannotTell('two found', 'one', 'remove one')", 3),
    ],
)
def test_an_error_is_three_lines_without_traceback_and_sets_the_status(tmp_path: Path, body: str, status: int) -> None:
    _trial(tmp_path, body)
    result = _run(tmp_path, "trial")
    assert result.stderr == "error: two found\nexpected: one\nwhat to do: remove one\n"
    assert (result.returncode, result.stdout) == (status, "")


def test_a_defect_is_not_taken_for_a_negative_verdict(tmp_path: Path) -> None:
    _trial(tmp_path, "1 / 0")
    result = _run(tmp_path, "trial")
    assert "ZeroDivisionError" in result.stderr
    assert result.returncode == 3


def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    assert _run(tmp_path, "nothing").returncode == 2


def test_the_tree_has_one_root() -> None:
    assert issubclass(InputError, DingliError)
    assert issubclass(CannotTell, DingliError)
