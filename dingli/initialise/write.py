"""Putting the file in its place: only one that loads, only where there is none, and whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dingli.environment import InvalidEnvironment, environment_file, load
from dingli.environment.values import Name
from dingli.exceptions import InputError
from dingli.initialise.answers import Answers
from dingli.initialise.text import as_text

__all__ = ["checked", "refuse_name", "write"]


def refuse_name(name: str, *, existing: bool) -> None:
    """Raises InputError if it is no name, or (with `existing`) if there is such a file already."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise InputError(f"the name {name!r}", error.errors()[0]["msg"], "for example prod-east") from None
    file = environment_file(name)
    if existing and (file.exists() or file.is_symlink()):
        raise _taken(file)


def checked(answers: Answers) -> str:
    """The text of the file. Raises InputError with every mistake that the answers would make in it."""
    text = as_text(answers)
    with tempfile.TemporaryDirectory(prefix="dingli-init-") as folder:
        draft = Path(folder) / f"{answers.name}.yaml"
        try:
            draft.write_text(text, encoding="utf-8")
            load(draft)
        except InvalidEnvironment as error:
            listed = "\n".join(f"  {one.where}: found {one.found}, expected {one.expected}" for one in error.problems)
            raise InputError(
                f"these answers make no environment:\n{listed}",
                "answers without mistakes",
                "correct them; nothing was written",
            ) from None
    return text


def write(name: str, text: str) -> Path:
    """Write `stacks/environments/<name>.yaml`. Raises InputError if somebody made it meanwhile."""
    file = environment_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as draft:
            draft.write(text)
            draft.flush()
            os.fsync(draft.fileno())
        Path(unfinished).chmod(0o644)
        os.link(unfinished, file)  # unlike a rename, this fails if the file is there
    except FileExistsError:
        raise _taken(file) from None
    finally:
        Path(unfinished).unlink()
    return file


def _taken(file: Path) -> InputError:
    return InputError(f"{file} exists", "a new name", "edit that file, or choose another name; nothing was changed")
