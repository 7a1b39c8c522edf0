"""The public key of the audit's account, made on the controller on first use. The private key never leaves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dingli.ssh import make_deploy_key


def audit_key(state: str) -> str:
    """The public line of `secrets/audit_key` below the environment's folder `state`."""
    return make_deploy_key(Path(state) / "secrets" / "audit_key")


class FilterModule:
    """`dingli_state | dingli_audit_key`."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dingli_audit_key": audit_key}
