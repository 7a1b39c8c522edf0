"""The way in: from a name or a path to a checked environment, or to all of its mistakes at once."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from dingli.environment import document, handover, shape
from dingli.environment.model import Environment
from dingli.environment.places import environment_file
from dingli.environment.problems import InvalidEnvironment, Problem, near_miss
from dingli.environment.readiness import called_sites, standing
from dingli.environment.rules import RULES
from dingli.exceptions import InputError

__all__ = ["load"]

_MOST_MISTAKES = 1_000  # of one rule: nobody reads more, and a hint for each takes time


def load(name_or_path: str | Path) -> Environment:
    """Read and check an environment.

    `name_or_path` is the name of a file in `stacks/environments/`, or a path that ends in .yaml or contains a slash.
    Hosts of sites on demand that nobody has called are left out; `.declared` has them. Raises InvalidEnvironment with
    every mistake, InputError when there is no such file.
    """
    file = _locate(name_or_path)
    source, problems = document.read(file)
    if source.data is None:
        raise InvalidEnvironment(file, problems)
    draft, mistakes = shape.draft(source)
    problems += mistakes
    if draft is None:
        raise InvalidEnvironment(file, problems)
    problems += _named_like_its_file(draft)
    for rule in RULES:
        problems += islice(rule(draft), _MOST_MISTAKES)
    environment, mistakes = handover.merge(draft)
    problems += mistakes
    if problems:
        raise InvalidEnvironment(file, problems)
    return standing(environment, called_sites(environment.name))


def _locate(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    file = Path(text) if "/" in text or text.endswith(".yaml") else environment_file(text)
    if _is_file(file):
        return file
    known = sorted(found.stem for found in environment_file("x").parent.glob("*.yaml"))
    raise InputError(
        found=f"no environment file {file}",
        expected=f"a path, or one of: {', '.join(known) or 'none yet'}{near_miss(text, known)}",
        remedy="name an environment of stacks/environments/, or write its file",
    )


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # no file system has a name as long as this one
        return False


def _named_like_its_file(draft: shape.Draft) -> list[Problem]:
    name, stem = draft.environment.name, draft.document.file.stem
    if name == stem or not draft.intact("name"):
        return []
    return [draft.problem(("name",), repr(name), f"{stem!r}, the name of the file")]
