"""Which part of the roles an image has, and the sums of everything that it comes from."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import yaml

__all__ = ["ROOT", "applied_roles"]

ROOT = Path(__file__).resolve().parents[2]
_IMPORT = "ansible.builtin.import_role"


def applied_roles(roles: Path = ROOT / "roles") -> dict[str, str]:
    """By `role/tasks`: SHA-256 over those tasks, the role's defaults, and the templates and modules that they name.

    Other parts of a role may change without making another image. The playbook itself is there under its own name.
    """
    playbook = roles / "image.yml"
    (play,) = yaml.safe_load(playbook.read_text(encoding="utf-8"))
    found = {"image.yml": _sum([playbook, roles / "group_vars" / "all.yml"])}
    for task in play["tasks"]:
        name, tasks = task[_IMPORT]["name"], task[_IMPORT].get("tasks_from", "main.yml")
        found[f"{name}/{tasks}"] = _sum(_files(roles, name, tasks))
    return found


def _files(roles: Path, name: str, tasks: str) -> list[Path]:
    file = roles / name / "tasks" / tasks
    text = file.read_text(encoding="utf-8")
    templates = [roles / name / "templates" / one for one in re.findall(r"'([\w.-]+\.j2)'", text)]
    modules = [roles / "library" / f"{one}.py" for one in re.findall(r"^ +(dingli_\w+):", text, re.MULTILINE)]
    return [file, roles / name / "defaults" / "main.yml", *dict.fromkeys([*templates, *modules])]


def _sum(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}:{len(content)}:".encode() + content)
    return digest.hexdigest()
