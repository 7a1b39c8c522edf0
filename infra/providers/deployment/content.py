"""What of a clone a group's plays use: the sums of their files, so that a changed role is a changed Deployment, and the
variables that these files name, so that one which only another group reads is none of this one's business."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Plays"]

_SHARED = ("action_plugins", "filter_plugins", "library", "lookup_plugins", "module_utils", "group_vars")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_IGNORED = {"__pycache__", "README.md", "tests", "molecule"}
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Plays:
    """A playbook, and sums of what its plays read. Every file is read once, however many Deployments ask."""

    def __init__(self, playbook: Path) -> None:
        self._roles = playbook.parent
        self._plays = _parsed(playbook)
        self._sums: dict[str, dict[str, str]] = {}
        self._words: dict[str, frozenset[str]] = {}

    @property
    def targeted(self) -> frozenset[str]:
        """The groups for which there are plays of their own."""
        return frozenset(str(play.get("hosts", "")) for play in self._plays)

    def content(self, group: str) -> dict[str, str]:
        """`{"playbook" | "plugins" | role name: SHA-256}` of what the plays for `group` read."""
        if group not in self._sums:
            self._sums[group] = self._content(group)
        return self._sums[group]

    def named_variables(self, group: str) -> frozenset[str]:
        """Every word of the files that `group`'s plays read, which is more than their variables and never fewer:
        plugins are given values, and a name that is put together at run time is one that Ansible does not find."""
        if group not in self._words:
            self._words[group] = self._words_of(group)
        return self._words[group]

    def _content(self, group: str) -> dict[str, str]:
        roles, (plays, names) = self._roles, self._plays_and_roles(group)
        sums = {name: _sum_of(sorted((roles / name).rglob("*")), roles) for name in names if (roles / name).is_dir()}
        sums["playbook"] = hashlib.sha256(repr(plays).encode()).hexdigest()
        shared = [file for folder in _SHARED for file in sorted((roles / folder).rglob("*"))]
        if shared:
            sums["plugins"] = _sum_of(shared, roles)
        return sums

    def _words_of(self, group: str) -> frozenset[str]:
        plays, names = self._plays_and_roles(group)
        words = set(_WORD.findall(repr(plays)))
        for name in (*names, "group_vars"):
            for file in _files(sorted((self._roles / name).rglob("*"))):
                words.update(_WORD.findall(file.read_text(encoding="utf-8", errors="replace")))
        return frozenset(words)

    def _plays_and_roles(self, group: str) -> tuple[list[dict[str, Any]], list[str]]:
        plays = [play for play in self._plays if _concerns(play, group)]
        return plays, sorted(_with_dependencies(self._roles, (role for play in plays for role in _roles_of(play))))


def _parsed(file: Path) -> Any:
    return yaml.load(file.read_text(), Loader=_Loader)  # noqa: S506 - a safe one


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
            for role in (_parsed(meta) or {}).get("dependencies") or []:
                waiting.append(role if isinstance(role, str) else str(role.get("role") or role.get("name")))
        for tasks in sorted((roles / name / "tasks").rglob("*.yml")):
            waiting.extend(_included(_parsed(tasks)))
    return found


def _sum_of(files: Iterable[Path], base: Path) -> str:
    total = hashlib.sha256()
    for file in _files(files):
        mode = "x" if file.stat().st_mode & 0o100 else "-"
        total.update(f"{file.relative_to(base)}\0{mode}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _files(found: Iterable[Path]) -> Iterable[Path]:
    return (one for one in found if one.is_file() and not _IGNORED & set(one.parts) and one.suffix != ".pyc")
