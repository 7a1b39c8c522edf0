"""Runs role ipsec on a host of the test's own: a mount namespace, where systemd is a few lines of shell.

`python role_host.py FOLDER` (below `unshare`) reads steps from standard input, `{"check": bool}` for a run of the role
(with `variables`, if they are others) or `{"shell": command}`; it prints what came of each: tasks that changed
something or failed, or what the shell said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_runner

_ROLES = Path(__file__).resolve().parents[3] / "roles"
_FAILED = "runner_on_failed"
_ENDED = {"runner_on_ok", _FAILED}
_WRITTEN_TO = ("/etc", "/usr/local")
# What systemd does for the role: units are enabled and started, and know since when. The date has no time of day.
_SYSTEMCTL = """#!/bin/sh
for word; do unit=$word; done
case "$*" in
  show*)
    [ -e "$STATE/$unit.on" ] && echo ActiveState=active && echo ExecMainStartTimestamp=$(cat "$STATE/$unit.on")
    echo UnitFileState=$([ -e "$STATE/$unit.enabled" ] && echo enabled || echo disabled)
    echo NeedDaemonReload=no ;;
  *enable*) touch "$STATE/$unit.enabled" ;;
  *start*) date --utc "+%a %Y-%m-%d %H:%M:%S.%6N UTC" > "$STATE/$unit.on" ;;
esac
"""
_DPKG_QUERY = """#!/bin/sh
shift 3
missing=$(cat "$STATE/missing" 2>/dev/null)
for name; do [ "$name" = "$missing" ] || echo "installed $name"; done
[ -z "$missing" ] || { echo "dpkg-query: no packages found matching $missing" >&2; exit 1; }
"""
# Says as many lines as the test has written down.
_SWANCTL = """#!/bin/sh
for one in $(seq "$(cat "$STATE/up")"); do echo "  one: #1, reqid 1, INSTALLED, TUNNEL"; done
"""


def _play(folder: Path, variables: dict[str, Any], check: bool) -> dict[str, Any]:
    folder.mkdir()  # of its own, since the runner keeps its arguments there and would take them again
    done = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=[{"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["ipsec"]}],
        inventory="localhost ansible_python_interpreter=" + sys.executable,
        extravars=variables,
        cmdline="--check" if check else None,
        quiet=True,
        envvars={
            "ANSIBLE_LIBRARY": str(_ROLES / "library"),
            "ANSIBLE_ROLES_PATH": str(_ROLES),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_HOME": str(folder / "home"),
        },
    )
    ended = [(event["event"], event["event_data"]) for event in done.events if event["event"] in _ENDED]
    return {
        "status": done.status,
        "changes": {one["task"]: one["res"].get("changes", []) for _, one in ended if one["res"].get("changed")},
        "failed": [f"{one['task']}: {one['res'].get('stderr', '')}" for how, one in ended if how == _FAILED],
    }


def main(folder: Path, told: dict[str, Any]) -> list[Any]:
    """Every step in order."""
    for place in _WRITTEN_TO:
        upper, work = (folder / f"{kind}{place.replace('/', '-')}" for kind in ("upper", "work"))
        upper.mkdir()
        work.mkdir()
        layers = f"lowerdir={place},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "none", place], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    programs = folder / "programs"
    programs.mkdir()
    for program, text in (("systemctl", _SYSTEMCTL), ("dpkg-query", _DPKG_QUERY), ("swanctl", _SWANCTL)):
        (programs / program).write_text(text)
        (programs / program).chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
    os.environ.update(PATH=path, STATE=str(folder))
    found: list[Any] = []
    for number, step in enumerate(told["steps"]):
        if "shell" in step:
            done = subprocess.run(["sh", "-c", step["shell"]], capture_output=True, text=True, check=False)
            found.append(done.stdout)
        else:
            variables = step.get("variables", told["variables"])
            found.append(_play(folder / str(number), variables, step["check"]))
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.load(sys.stdin))))
