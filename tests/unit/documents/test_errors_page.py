"""docs/errors.md has a place for every kind of error, and quotes words that programs really say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
PROGRAMS = ("app", "audit", "dingli", "drills", "infra", "lab", "roles")


@pytest.fixture(scope="module")
def sources() -> list[str]:
    files = (file for folder in PROGRAMS for file in sorted((ROOT / folder).rglob("*.py")))
    return [file.read_text(encoding="utf-8") for file in files]


def test_every_kind_of_error_has_a_section(sources: list[str]) -> None:
    classes = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    kinds, before = {"DingliError"}, 0
    while len(kinds) > before:
        before = len(kinds)
        kinds |= {one.name for one in classes if kinds & {ast.unparse(base) for base in one.bases}}
    named = {word for comment in re.findall(r"<!-- (.*?) -->", PAGE) for word in comment.split()}
    assert named == {kind for kind in kinds if not kind.startswith("_")}


def test_what_the_page_quotes_is_said_by_a_program(sources: list[str]) -> None:
    said = "\n".join(sources)
    cells = re.findall(r"^\| (?!you see|here)([^|]*)\|", PAGE, re.MULTILINE)
    quoted = {part.strip() for cell in cells for words in re.findall("`([^`]+)`", cell) for part in words.split("…")}
    assert len(quoted) > 100
    assert sorted(part for part in quoted if part not in said) == []
