"""The `dingli` command: quick to list, honest in its exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dingli.cli import main
from dingli.cli.status import what_next
from dingli.exceptions import CannotTell, DingliError, InputError

pytestmark = pytest.mark.slow

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


def _commands(name: str) -> Iterator[tuple[str, Any]]:
    """`lab`, `lab up`, …: the command of that name and what is below it."""
    top: Any = typer.main.get_command(main.application([name]))
    below = [(name, top.commands[name])]
    while below:
        words, command = below.pop()
        yield words, command
        below += [(f"{words} {more}", one) for more, one in getattr(command, "commands", {}).items()]


def _exists(line: str) -> bool:
    """True if `dingli …` names a command and only options that it has."""
    _, name, *rest = line.split()
    if name not in main.command_names():
        return False
    known = dict(_commands(name))
    words = name
    if rest and f"{name} {rest[0]}" in known:
        words = f"{name} {rest.pop(0)}"
    elif name == "audit":
        words = "audit run"  # `audit ENV` is short for it
    options = {option for parameter in known[words].params for option in parameter.opts}
    arguments = sum(parameter.param_type_name == "argument" for parameter in known[words].params)
    first_option = next((index for index, word in enumerate(rest) if word[0] in "-<>|"), len(rest))
    return first_option <= arguments and {word for word in rest if word.startswith("--")} <= {*options, "--help"}


@pytest.mark.parametrize("name", main.command_names())
def test_every_help_ends_with_examples_that_exist(name: str) -> None:
    for words, command in _commands(name):
        heading, *examples = (command.epilog or "").split("\n\n")
        assert heading == "Examples:", f"dingli {words} --help has no examples"
        assert examples
        for example in examples:
            assert _exists(example) or not example.startswith("dingli "), f"dingli {words} --help: {example}"


def test_the_summary_and_the_pages_name_commands_that_exist() -> None:
    root = main._FOLDER.parents[1]
    lines = re.findall(r"dingli (?!-)[a-z][^;\n]*", what_next("lab"))
    for page in [*root.glob("README*.md"), *(root / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        lines += re.findall(r"^(?: {4})?(dingli [a-z][^#\n]*)", text, re.MULTILINE)
        lines += re.findall(r"(?<!`)`(dingli [a-z][^`\n]*)`", text)
    assert len(lines) > 100
    assert [line for line in lines if not _exists(line)] == []


def test_readme_leads_to_every_page_and_no_link_leads_nowhere() -> None:
    root = main._FOLDER.parents[1]
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    targets = {page: re.findall(r"\]\((?!https?:)([^)]+)", page.read_text(encoding="utf-8")) for page in pages}
    nowhere = [f"{page}: {link}" for page, links in targets.items() for link in links if not _leads(page, link)]
    assert nowhere == []
    assert {f"docs/{page.name}" for page in (root / "docs").glob("*.md")} <= set(targets[root / "README.md"])


def _leads(page: Path, link: str) -> bool:
    """True if there is such a file and, where the link names one, such a heading in it."""
    name, _, anchor = link.partition("#")
    file = page.parent / name if name else page
    if not (anchor and file.is_file()):
        return file.exists()
    headings = re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
