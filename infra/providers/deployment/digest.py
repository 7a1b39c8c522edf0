"""What a host should have, as one sum: equal sums mean that there is nothing to do on it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["desired", "pending"]


def desired(inputs: dict[str, Any]) -> dict[str, str]:
    """The sum of each host: roles, variables, artifacts, secrets, and which machine it is.

    Paths on the controller are left out, so that another clone or controller finds nothing to do; what is in the files
    is what counts. An address is only how the host is reached.
    """
    shared = {
        "group": inputs["group"],
        "content": inputs["content"],
        "vars": inputs["vars"],
        "groups": inputs.get("groups") or {},
        "artifacts": {name: item["sha256"] for name, item in (inputs.get("artifacts") or {}).items()},
        "secrets": inputs.get("secret_digests") or {},
    }
    return {name: _sum([shared, host.get("machine_id"), host["vars"]]) for name, host in inputs["hosts"].items()}


def pending(state: dict[str, Any], inputs: dict[str, Any]) -> list[str]:
    """The hosts that need a run: never completed, declared differently, or drifted."""
    applied, drift = state.get("applied") or {}, state.get("drift") or {}
    return [name for name, wanted in desired(inputs).items() if applied.get(name) != wanted or drift.get(name)]


def _sum(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()
