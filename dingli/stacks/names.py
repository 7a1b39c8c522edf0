"""Stack names: `<environment>-<site>`, in which either part may contain a dash."""

from __future__ import annotations

from dataclasses import dataclass

from dingli.environment import Environment, environment_file, load
from dingli.exceptions import InputError

__all__ = ["StackName", "stack_and_environment"]


@dataclass(frozen=True)
class StackName:
    """One site of one environment."""

    environment: str
    site: str

    def __str__(self) -> str:
        return f"{self.environment}-{self.site}"


def stack_and_environment(text: str) -> tuple[StackName, Environment]:
    """The site that `text` names, and its environment. Raises `InputError` if there is none, or two readings."""
    parts = text.split("-")
    splits = [("-".join(parts[:i]), "-".join(parts[i:])) for i in range(1, len(parts))]
    declared = [(StackName(*split), load(split[0])) for split in splits if environment_file(split[0]).exists()]
    found = [(name, environment) for name, environment in declared if name.site in environment.sites]
    if len(found) != 1:
        raise InputError(
            f"the stack {text!r}, which names {'no declared site' if not found else 'two sites'}",
            "<environment>-<site> with a file in stacks/environments and a site declared in it",
            "see `dingli env show`",
        )
    return found[0]
