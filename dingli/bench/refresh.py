"""A refresh of every host of a generated environment: real engines, providers, SSH and Ansible; only the hosts are
simulated. They answer Ansible's modules unread, which the modules of the real roles, building on each other's answers,
cannot be given: so the roles are a stand-in of a few tasks."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from dingli.bench.commands import BenchFailed
from dingli.bench.generated import SUPERNET
from dingli.bench.generated_clone import NAME, generated_clone
from dingli.bench.simulated import simulated
from dingli.bench.watched import Run

__all__ = ["TASKS", "refresh", "standin_roles"]

TASKS = 5
"""Of the stand-in role; the real ones of `base` have about thirty together."""
_GROUPS = ("base", "journal", "ops", "core", "gateway")
_HOSTS, _HOSTS_WITH_ROLES = 1000, 100


def refresh(hosts: int = _HOSTS, with_roles: int = _HOSTS_WITH_ROLES) -> dict[str, float]:
    """`hosts` that are asked for their facts only, then some whose roles run in check mode, too."""
    titles = ("hosts", 7), ("tasks each", 12), ("refresh s", 11), ("CPU s", 8), ("RSS MiB", 9), ("PSS MiB", 9)
    print("".join(f"{title:>{width}}" for title, width in (*titles, ("hosts' CPU s", 14))), flush=True)
    alone, roles = _refreshed(hosts, 0), _refreshed(with_roles, TASKS)
    return {
        "refresh_1000_s": round(alone.wall_s, 1),
        "refresh_1000_cpu_s": round(alone.cpu_s, 1),
        "refresh_1000_mib": round(alone.peak_mib),
        "refresh_roles_100_s": round(roles.wall_s, 1),
        "refresh_roles_100_cpu_s": round(roles.cpu_s, 1),
        "refresh_roles_100_mib": round(roles.peak_mib),
    }


def standin_roles(folder: Path, tasks: int) -> None:
    """A playbook with one role of so many tasks for every group; with none no plays, and so no Deployments."""
    plays = [
        {"name": group, "hosts": group, "gather_facts": False, "become": True, "roles": ["standin"]}
        for group in _GROUPS
        if tasks
    ]
    (folder / "site.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    file = folder / "standin" / "tasks" / "main.yml"
    file.parent.mkdir(parents=True)
    said = [
        {"name": f"Task {number}", "ansible.builtin.file": {"path": f"/etc/standin-{number}", "state": "directory"}}
        for number in range(1, tasks + 1)
    ]
    file.write_text(yaml.safe_dump(said, sort_keys=False))


def _refreshed(hosts: int, tasks: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="dingli-roles-") as roles:
        standin_roles(Path(roles), tasks)
        with generated_clone(hosts, Path(roles)) as clone:
            clone.remember_host_keys()
            with simulated(NAME, SUPERNET, clone.path, clone.variables) as answering:
                run = clone.dingli("preview", NAME, "--refresh", "--json", inside=answering.inside)
                served = answering.cpu_s
    _require_unchanged(json.loads(run.output))
    memory = f"{run.peak_mib:9.0f}{run.peak_shared_mib:9.0f}"
    print(f"{hosts:7}{tasks:12}{run.wall_s:11.1f}{run.cpu_s:8.1f}{memory}{served:14.1f}", flush=True)
    return run


def _require_unchanged(sites: dict[str, dict[str, Any]]) -> None:
    """What a host could not be asked is told in messages, not in changes."""
    changes = {site: one["changes"] for site, one in sites.items()}
    said = [line for one in sites.values() for line in one["messages"] if "cannot tell" in line]
    if said or any(set(one) != {"same"} for one in changes.values()):
        raise BenchFailed(f"a refresh that found something: {changes} {said[:3]}", "no change, every host asked")
