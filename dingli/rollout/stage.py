"""What `dingli up` tells the providers when a roll-out spans sites: the engine runs each stack apart.

It travels in the environment of the engine's process, so that it ends with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Stage"]

_VARIABLE = "DINGLI_ROLLOUT"


@dataclass(frozen=True)
class Stage:
    """By name of a Deployment (`core-alpha`). Neither given: each site chooses canaries of its own."""

    canaries: Mapping[str, tuple[str, ...]] | None = None
    """Only these hosts are changed now; None: any."""
    proven: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Architectures on which a canary at some site is well with this change."""

    @classmethod
    def current(cls) -> Stage:
        """What this process was told."""
        told = json.loads(os.environ.get(_VARIABLE, "{}"))
        only = told.get("canaries")
        return cls(
            None if only is None else {name: tuple(hosts) for name, hosts in only.items()},
            {name: tuple(architectures) for name, architectures in told.get("proven", {}).items()},
        )

    def variables(self) -> dict[str, str]:
        """For the environment of an engine."""
        told: dict[str, object] = {} if self.canaries is None else {"canaries": self.canaries}
        told |= {"proven": self.proven} if self.proven else {}
        return {_VARIABLE: json.dumps(told)} if told else {}

    def concerns(self, deployment: str) -> bool:
        """Whether anything of a Deployment may be changed now."""
        return self.canaries is None or deployment in self.canaries

    def of(self, deployment: str, hosts: list[str]) -> list[str]:
        """Those of `hosts` that may be changed now."""
        if self.canaries is None:
            return hosts
        chosen = self.canaries.get(deployment, ())
        return [name for name in hosts if name in chosen]
