"""Runs the firewall module in namespaces of the test's own, where timers and services are a few lines of shell.

`python firewall_host.py` (below `unshare`) reads steps from standard input: `{"module": arguments, "check": bool}` or
`{"shell": command}`; it prints what came of each, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
_MODULE = Path(__file__).resolve().parents[3] / "roles" / "library" / "dingli_firewall.py"
# What systemd does for the module, as far as it goes: a timer that runs a command, and a unit that is enabled.
_SYSTEMD_RUN = """#!/bin/sh
for word; do case $word in --on-active=*) after=${word#*=} ;; esac; last=$word; done
( sleep "$after"; sh -c "$last"; rm -f "$STATE/timer" ) </dev/null >/dev/null 2>&1 &
echo $! > "$STATE/timer"
"""
_SYSTEMCTL = """#!/bin/sh
case "$*" in
  "stop dingli-firewall-revert.timer") [ ! -e "$STATE/timer" ] || kill "$(cat "$STATE/timer")"; rm -f "$STATE/timer" ;;
  is-enabled*) cat "$STATE/enabled" ;;
  *enable*) echo enabled > "$STATE/enabled" ;;
  *restart*) nft -f "$FOLDER/firewall.nft" ;;
esac
"""


def on_a_host(*steps: dict[str, Any]) -> list[Any]:
    """What came of each step: a module's result, or what a shell printed."""
    command = [*_UNSHARE, sys.executable, __file__]
    done = subprocess.run(command, input=json.dumps(steps), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def _module(folder: Path, arguments: dict[str, Any], check: bool) -> dict[str, Any]:
    file = folder / "arguments.json"
    settings = {"_ansible_check_mode": check, "_ansible_remote_tmp": str(folder)}
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments | {"folder": str(folder)} | settings}))
    done = subprocess.run([sys.executable, _MODULE, file], capture_output=True, text=True, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main(steps: list[dict[str, Any]]) -> list[Any]:
    """Every step in order."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc/systemd/system"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for program, text in (("systemctl", _SYSTEMCTL), ("systemd-run", _SYSTEMD_RUN)):
            (folder / program).write_text(text)
            (folder / program).chmod(0o755)
        os.environ.update(PATH=f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin", STATE=name, FOLDER=name)
        found: list[Any] = []
        for step in steps:
            if "shell" in step:
                done = subprocess.run(["sh", "-c", step["shell"]], capture_output=True, text=True, check=False)
                found.append(done.stdout)
            else:
                found.append(_module(folder, step["module"], step.get("check", False)))
        subprocess.run([folder / "systemctl", "stop", "dingli-firewall-revert.timer"], check=False)
        return found


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
