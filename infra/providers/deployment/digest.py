"""What a host should have, as one sum: equal sums mean that there is nothing to do on it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from infra.providers.deployment.packing import packed

__all__ = ["desired", "pending"]


def desired(inputs: dict[str, Any]) -> dict[str, str]:
    """The sum of each host: roles, variables, artifacts, secrets, and which machine it is.

    Paths on the controller are left out, so that another clone or controller finds nothing to do; what is in the files
    is what counts. An address is only how the host is reached.
    """
    shared = {
        "artifacts": packed({name: item["sha256"] for name, item in (inputs.get("artifacts") or {}).items()}),
        "content": packed(inputs["content"]),
        "group": json.dumps(inputs["group"]),
        "groups": packed(inputs.get("groups") or {}),
        "secrets": packed(inputs.get("secret_digests") or {}),
        "vars": packed(inputs["vars"]),
    }
    # The JSON of [shared, machine-id, variables], of which all hosts have the beginning in common: it is summed once.
    members = ", ".join(f'"{name}": {text}' for name, text in shared.items())
    common = hashlib.sha256(f"[{{{members}}}, ".encode())
    return {name: _sum(common, host) for name, host in inputs["hosts"].items()}


def pending(state: dict[str, Any], inputs: dict[str, Any]) -> list[str]:
    """The hosts that need a run: never completed, declared differently, or drifted."""
    applied, drift = state.get("applied") or {}, state.get("drift") or {}
    return [name for name, wanted in desired(inputs).items() if applied.get(name) != wanted or drift.get(name)]


def _sum(common: hashlib._Hash, host: dict[str, Any]) -> str:
    total = common.copy()
    total.update(f"{json.dumps(host.get('machine_id'), default=repr)}, {packed(host['vars'])}]".encode())
    return total.hexdigest()
