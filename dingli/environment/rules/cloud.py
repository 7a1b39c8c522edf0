"""The lab's cloud."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.model import EnvironmentKind
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = ["is_the_labs"]


def is_the_labs(draft: Draft) -> Iterator[Problem]:
    """A real cloud is there already, and is told to the provider `industry`."""
    environment = draft.environment
    if environment.cloud is not None and draft.intact("kind") and environment.kind is not EnvironmentKind.LAB:
        yield draft.problem(
            ("cloud",), f"a cloud to start, and kind {environment.kind.value}", "kind: lab, or no `cloud`"
        )
