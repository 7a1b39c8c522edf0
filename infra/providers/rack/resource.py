"""`rack:index:Host` as a Pulumi program uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

__all__ = ["Host"]


class Host(pulumi.CustomResource):
    """A machine of a rack, adopted over SSH."""

    machine_id: pulumi.Output[str]
    facts: pulumi.Output[Mapping[str, Any]]
    reachable: pulumi.Output[bool]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = ("machine_id", "adopted_key", "facts", "reachable", "seen_machine_id", "seen_host_key", "drift")
        super().__init__("rack:index:Host", name, {**inputs, **dict.fromkeys(outputs)}, opts)
