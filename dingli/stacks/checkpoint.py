"""What a stack has, by the state that the engine keeps of it."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["INSTANCE", "resources_in"]

INSTANCE = "industry:index:Instance"


def resources_in(checkpoint: bytes | None) -> dict[str, dict[str, dict[str, Any]]]:
    """By type and name, the outputs of what a stack has."""
    if checkpoint is None:
        return {}
    latest = json.loads(checkpoint).get("checkpoint", {}).get("latest") or {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for resource in latest.get("resources") or []:
        name = resource["urn"].rpartition("::")[2]
        found.setdefault(resource["type"], {})[name] = resource.get("outputs") or {}
    return found
