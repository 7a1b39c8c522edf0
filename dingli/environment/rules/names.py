"""Names: environments of one clone stand side by side, each with folders and stacks of its own."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment import document
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = ["CLONES_OWN", "name_no_folder_of_the_clone", "stacks_are_told_apart"]

CLONES_OWN = frozenset({"bin", "env", "passphrase", "pulumi", "pulumi-home"})
"""What stands beside the environments' state folders in `.dingli`."""


def name_no_folder_of_the_clone(draft: Draft) -> Iterator[Problem]:
    """`.dingli/<name>` is the environment's alone."""
    name = draft.environment.name
    if draft.intact("name") and name in CLONES_OWN:
        yield draft.problem(("name",), f"{name!r}, which .dingli has for the clone itself", "another name")


def stacks_are_told_apart(draft: Draft) -> Iterator[Problem]:
    """Site `b-c` of environment `a` and site `c` of environment `a-b` would be one stack, `a-b-c`."""
    environment = draft.environment
    for site in environment.sites:
        parts = f"{environment.name}-{site}".split("-")
        for count in range(1, len(parts)):
            other, rest = "-".join(parts[:count]), "-".join(parts[count:])
            if other != environment.name and rest in _sites(draft, other):
                found = f"the stack {'-'.join(parts)!r}, which site {rest!r} of environment {other!r} has too"
                yield draft.problem(("sites", site), found, "a stack of its own: another name for the site")


def _sites(draft: Draft, environment: str) -> list[str]:
    """The sites that a neighbouring file declares; whether that file has mistakes is its own matter."""
    file = draft.document.file.parent / f"{environment}.yaml"
    if not file.is_file():
        return []
    data = document.read(file)[0].data
    sites = data.get("sites") if isinstance(data, dict) else None
    return list(sites) if isinstance(sites, dict) else []
