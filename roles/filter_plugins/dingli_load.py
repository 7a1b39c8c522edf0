"""What load and probe log on with: members' passwords, on the operations host only. Only for tasks with no_log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dingli.pki import PasswordStore


def load_files(loads: list[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    """/etc/dingli/load-<cell>.json of every cell; `sessions` becomes `passwords`."""
    store = PasswordStore(Path(state) / "secrets")
    files = []
    for load in loads:
        content = {key: value for key, value in load.items() if key != "sessions"}
        content["passwords"] = store.members(load["sessions"])
        files.append(
            {
                "path": f"/etc/dingli/load-{load['cell']}.json",
                "secret_content": json.dumps(content, indent=1, sort_keys=True) + "\n",
                "owner": "dingli-load",
                "group": "dingli-load",
                "mode": "0600",
            }
        )
    return files


class FilterModule:
    """`dingli_load | dingli_load_files(dingli_state)`."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dingli_load_files": load_files}
