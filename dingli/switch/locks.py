"""Whether this controller is doing something else with the environment."""

from __future__ import annotations

import os
from pathlib import Path

from dingli.environment import Environment, project_root, state_dir
from dingli.evidence import Store
from dingli.evidence.store import is_locked
from dingli.stacks.backend import FileBackend
from dingli.stacks.locks import locks_of

__all__ = ["why_busy"]


def why_busy(environment: Environment) -> str | None:
    """What is under way (a run with evidence, a drill, an engine), or None."""
    store = Store.of(environment.name)
    if store.run_under_way():
        return f"another operation is under way: {_said(store.state / 'evidence.lock')}"
    drill = state_dir(environment.name) / "drill.lock"
    if is_locked(drill):
        return f"a drill is under way: {_said(drill)}"
    given = os.environ.get("PULUMI_BACKEND_URL", f"file://{project_root() / '.dingli' / 'pulumi'}")
    if given.startswith("file://") and environment.state is None:  # a bucket may be out of reach when a switch is not
        backend = FileBackend(Path(given.removeprefix("file://")))
        for site in environment.sites:
            for lock in locks_of(backend, f"{environment.name}-{site}"):
                if reason := lock.why_kept():
                    return f"the stack of {site} is being worked on: {reason}"
    return None


def _said(path: Path) -> str:
    return path.read_text().strip() or "it does not say which"
