"""What is wrong with an environment file, said so that a person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dingli.exceptions import InputError

__all__ = ["InvalidEnvironment", "Problem", "near_miss"]


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
        return f"{self.file}:{self.line}:{where} found {self.found}, expected {self.expected}"


class InvalidEnvironment(InputError):
    """An environment file with mistakes; `problems` holds all of them, in the order of the lines."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: (str(problem.file), problem.line, problem.where)))
        count = len(self.problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            found=f"{count} mistake{'s' if count != 1 else ''} in {file}:\n{listed}",
            expected="an environment file without mistakes",
            remedy="correct these lines (docs/environment.md describes every key)",
        )


def near_miss(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when `word` is close to a known one, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
