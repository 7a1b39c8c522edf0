"""What is wrong with an environment file, said so that a person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli.exceptions import InputError
from dingli.plain_text import printable

__all__ = ["InvalidEnvironment", "Problem", "near_miss", "plain", "shown"]

_MOST_SHOWN = 80
_MOST_NAMED = 200
_MOST_COMPARED = 100


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands, what was found and what was expected there."""

    file: Path
    line: int
    where: str
    """The key, dotted: `hosts.primary-1.address`; empty for the file as a whole."""
    found: str
    expected: str

    def __str__(self) -> str:
        where = f" {self.where}:" if self.where else ""
        return printable(f"{self.file}:{self.line}:{where} found {self.found}, expected {self.expected}")


class InvalidEnvironment(InputError):
    """An environment file with mistakes; `problems` holds all of them, in the order of the lines."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (str(problem.file), problem.line, problem.where)))
        count = len(self.problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            found=f"{count} mistake{'s' if count != 1 else ''} in {file}:\n{listed}",
            expected="an environment file without mistakes",
            remedy="correct these lines (docs/environment.md describes every key)",
        )


def plain(text: str) -> str:
    """A name from a file as messages show it: on one line, without control characters, not endless."""
    return printable(text if len(text) <= _MOST_NAMED else text[:_MOST_NAMED] + "...")


def shown(value: Any) -> str:
    """A value from a file as messages show it."""
    if isinstance(value, dict):
        return f"a mapping ({', '.join(sorted(map(plain, map(str, value)))[:4])})" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, int) and value.bit_length() > 256:  # Python refuses to write out the longest ones
        return f"a number of {value.bit_length()} bits"
    text = repr(value[: _MOST_SHOWN * 2] if isinstance(value, str) else value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."


def near_miss(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when `word` is close to a known one, else nothing."""
    choices = list(known)
    if len(choices) > _MOST_COMPARED or len(word) > _MOST_SHOWN:
        return ""  # a hint is not worth waiting for
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
