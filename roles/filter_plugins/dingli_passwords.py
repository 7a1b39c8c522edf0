"""Files with passwords, or hashes of them, as the controller keeps them. Only for tasks with no_log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dingli.pki import PasswordStore


def bootstrap_files(access: dict[str, Any], state: str) -> list[dict[str, Any]]:
    """The passwords that a member's bootstrap gives to users of the journal."""
    store = _store(state)
    return [_file(path, store.password(user) + "\n", "root") for user, path in access["password_files"].items()]


def core_files(cores: list[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    """The password with which each minimal core of a host opens the journal."""
    store = _store(state)
    minimal = [core for core in cores if core["kind"] == "minimal"]
    return [
        _file(core["etcd"]["password_file"], store.password(f"minicore-{core['cell']}") + "\n", "dingli-core")
        for core in minimal
    ]


def member_files(gateways: list[dict[str, Any]], sessions: dict[str, list[str]], state: str) -> list[dict[str, Any]]:
    """The hashes of members' passwords that each gateway of a host compares with."""
    store = _store(state)
    contents = {gateway["members_file"]: store.member_hashes(sessions[gateway["cell"]]) for gateway in gateways}
    return [
        _file(path, json.dumps(content, indent=1, sort_keys=True) + "\n", "dingli-gateway")
        for path, content in contents.items()
    ]


def _store(state: str) -> PasswordStore:
    return PasswordStore(Path(state) / "secrets")


def _file(path: str, content: str, account: str) -> dict[str, Any]:
    return {"path": path, "secret_content": content, "owner": account, "group": account, "mode": "0600"}


class FilterModule:
    """`dingli_core | dingli_core_passwords(dingli_state)` and so on."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "dingli_bootstrap_passwords": bootstrap_files,
            "dingli_core_passwords": core_files,
            "dingli_member_files": member_files,
        }
