"""`deployment:index:Deployment` as a Pulumi program uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

__all__ = ["Deployment"]


class Deployment(pulumi.CustomResource):
    """Roles applied to a group of hosts."""

    applied: pulumi.Output[Mapping[str, str]]
    reachable: pulumi.Output[Mapping[str, bool]]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = ("applied", "former", "results", "drift", "reachable")
        super().__init__("deployment:index:Deployment", name, {**inputs, **dict.fromkeys(outputs)}, opts)
