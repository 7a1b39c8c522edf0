"""A person's yes, before something that cannot be taken back."""

from __future__ import annotations

import sys

from dingli.environment import Environment, EnvironmentKind
from dingli.exceptions import DingliError

__all__ = ["confirmed"]


def confirmed(declared: Environment) -> bool:
    """Asks at the terminal: on a lab for `yes`, elsewhere for the environment's name, which nobody types by habit."""
    if not sys.stdin.isatty():
        raise DingliError("nobody to ask: standard input is no terminal", "a yes", "pass --yes")
    wanted = "yes" if declared.kind is EnvironmentKind.LAB else declared.name
    return input(f"Type {wanted!r} to go on: ").strip() == wanted
