"""What a shell offers after TAB: environments, and the cells, sites, hosts and drills that they have.

Every parameter is known by its name, so that a new command has completion without asking for it.
"""

from __future__ import annotations

import inspect
import shlex
import typing
from collections.abc import Callable, Mapping

import typer
from typer.models import ParameterInfo

__all__ = ["offer", "words_so_far"]

Offer = Callable[[typer.Context, str], list[str]]


def words_so_far(variables: Mapping[str, str]) -> list[str] | None:
    """The words after `dingli` on the line that a shell asks about; None if no shell asks."""
    if "_DINGLI_COMPLETE" not in variables:
        return None
    line = variables.get("COMP_WORDS") or variables.get("_TYPER_COMPLETE_ARGS") or ""
    try:
        return shlex.split(line)[1:]
    except ValueError:  # a quotation that is not closed yet
        return line.split()[1:]


def offer(app: typer.Typer) -> None:
    """Give the parameters of a command, and of those below it, what completes them."""
    for callback in (command.callback for command in app.registered_commands):
        if callback is None:
            continue
        hints = typing.get_type_hints(callback, include_extras=True)
        callback.__annotations__ = hints  # as objects: from text, each reader would make others
        for name, parameter in inspect.signature(callback).parameters.items():
            for info in (parameter.default, *getattr(hints.get(name), "__metadata__", ())):
                _attach(name, info)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            offer(group.typer_instance)


def _attach(name: str, info: object) -> None:
    if isinstance(info, ParameterInfo) and info.autocompletion is None and info.shell_complete is None:
        info.autocompletion = _OFFERS.get((info.metavar or "").strip("[]")) or _OFFERS.get(name)


def _environments(context: typer.Context, incomplete: str) -> list[str]:
    return _beginning(incomplete, _environment_names())


def _drills(context: typer.Context, incomplete: str) -> list[str]:
    from dingli.environment import project_root

    return _beginning(incomplete, [path.stem for path in (project_root() / "drills").glob("*.yaml")])


def _of(section: str) -> Offer:
    """The names in a section of the environment that the line names so far; of all environments if it names none."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        known = _environment_names()
        named = [value for value in context.params.values() if isinstance(value, str) and value in known]
        return _beginning(incomplete, [name for one in named or known for name in _section(one, section)])

    return complete


def _environment_names() -> list[str]:
    from dingli.environment import environment_file

    return [path.stem for path in environment_file("x").parent.glob("*.yaml")]


def _section(environment: str, section: str) -> list[str]:
    """Keys of a section; none of a file that cannot be read: a shell is no place for its mistakes."""
    from dingli.environment import document, environment_file

    read, _ = document.read(environment_file(environment))
    entries = read.data.get(section) if isinstance(read.data, dict) else None
    return list(entries) if isinstance(entries, dict) else []


def _beginning(incomplete: str, words: list[str]) -> list[str]:
    return sorted({word for word in words if word.startswith(incomplete)})


_OFFERS: dict[str, Offer] = {
    "ENV": _environments,
    "environment": _environments,
    "DRILL": _drills,
    "CELL": _of("cells"),
    "cell": _of("cells"),
    "call": _of("sites"),
    "site": _of("sites"),
    "HOST": _of("hosts"),
    "host": _of("hosts"),
}
