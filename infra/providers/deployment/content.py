"""Sums of the files that a group's plays use, so that a changed role is a changed Deployment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

__all__ = ["content"]

_SHARED = ("action_plugins", "filter_plugins", "library", "lookup_plugins", "module_utils", "group_vars")
_IGNORED = {"__pycache__", "README.md", "tests", "molecule"}


def content(playbook: Path, group: str) -> dict[str, str]:
    """`{"playbook" | "plugins" | role name: SHA-256}` of what the plays for `group` read."""
    roles = playbook.parent
    plays = [play for play in yaml.safe_load(playbook.read_text()) if _concerns(play, group)]
    names = sorted(_with_dependencies(roles, (role for play in plays for role in _roles_of(play))))
    sums = {name: _sum_of(sorted((roles / name).rglob("*")), roles) for name in names if (roles / name).is_dir()}
    sums["playbook"] = hashlib.sha256(repr(plays).encode()).hexdigest()
    shared = [file for folder in _SHARED for file in sorted((roles / folder).rglob("*"))]
    if shared:
        sums["plugins"] = _sum_of(shared, roles)
    return sums


def _concerns(play: dict[str, Any], group: str) -> bool:
    hosts = play.get("hosts", "")
    patterns = hosts if isinstance(hosts, list) else str(hosts).replace(":", ",").split(",")
    return bool({group, "all"} & {str(pattern).strip() for pattern in patterns})


def _roles_of(play: dict[str, Any]) -> Iterable[str]:
    for role in play.get("roles") or []:
        yield role if isinstance(role, str) else str(role.get("role") or role.get("name"))
    for section in ("pre_tasks", "tasks", "post_tasks", "handlers"):
        yield from _included(play.get(section))


def _included(tasks: Any) -> Iterable[str]:
    for task in tasks or []:
        for key in ("import_role", "include_role"):
            for called in (task.get(key), task.get(f"ansible.builtin.{key}")):
                if isinstance(called, dict) and "{{" not in str(called.get("name")):
                    yield str(called["name"])
        for section in ("block", "rescue", "always"):
            yield from _included(task.get(section))


def _with_dependencies(roles: Path, names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        meta = roles / name / "meta" / "main.yml"
        if meta.exists():
            for role in (yaml.safe_load(meta.read_text()) or {}).get("dependencies") or []:
                waiting.append(role if isinstance(role, str) else str(role.get("role") or role.get("name")))
        for tasks in sorted((roles / name / "tasks").rglob("*.yml")):
            waiting.extend(_included(yaml.safe_load(tasks.read_text())))
    return found


def _sum_of(files: Iterable[Path], base: Path) -> str:
    total = hashlib.sha256()
    for file in files:
        if file.is_file() and not _IGNORED & set(file.parts) and file.suffix != ".pyc":
            mode = "x" if file.stat().st_mode & 0o100 else "-"
            total.update(
                f"{file.relative_to(base)}\0{mode}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
            )
    return total.hexdigest()
