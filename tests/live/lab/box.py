"""A machine within the machine, on which a lab of its own can be broken without touching anybody's.

It has its own processes, network, /run and lab state; images come from the user's cache. It ends with its user.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

# Mounts of the real machine's lab would otherwise be seen, hidden but listed, below the box's own /run.
_FURNISH = """
cut -d' ' -f5 /proc/self/mountinfo | grep '^/run/' | sort -r | xargs -r -n1 umount -l
mount -t tmpfs tmpfs /run
mkdir -p /var/lib/dingli-lab
mount --bind "$1" /var/lib/dingli-lab
ip link set lo up
echo ready
while read -r _; do :; done
"""


class Box:
    """Runs commands inside; everything in it dies when it is closed, or when the test process does. Its lab belongs to
    `clone`."""

    def __init__(self, folder: Path, clone: Path = ROOT) -> None:
        self._folder = folder
        state = folder / "state"
        state.mkdir()
        self.clone = clone
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child",
             "--propagation", "private", "bash", "-c", _FURNISH, "box", str(state)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        holder = self._holder.pid
        self._init = Path(f"/proc/{holder}/task/{holder}/children").read_text(encoding="ascii").split()[0]

    def command(self, *argv: str) -> list[str]:
        return ["nsenter", f"--target={self._init}", "--mount", "--net", "--pid", f"--wd={self.clone}", *argv]

    def run(self, *argv: str, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*argv), env=self._environment(environment), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def dingli(self, *arguments: str, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(*_DINGLI, *arguments, timeout_s=timeout_s, **environment)

    def start_dingli(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(*_DINGLI, *arguments), env=self._environment({}), stdin=subprocess.DEVNULL)

    def up(self) -> None:
        done = self.dingli("lab", "up", timeout_s=480)
        assert done.returncode == 0, done.stderr

    def hosts(self) -> dict[str, dict[str, Any]]:
        shown = json.loads(self.dingli("lab", "status", "--json").stdout)
        return {host["name"]: host for host in shown["hosts"]}

    def on_host(self, host: str, script: str) -> subprocess.CompletedProcess[str]:
        """A script as root on a host of the box, over SSH."""
        return self.run(*self._ssh(host), script)

    def start_on_host(self, host: str, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*self._ssh(host), script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        return {**kept, "PYTHONPATH": str(ROOT), "DINGLI_ROOT": str(self.clone), **more}

    def _ssh(self, host: str) -> tuple[str, ...]:
        return (
            "ssh", "-i", "/var/lib/dingli-lab/root_key", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=30",
            f"root@{self.hosts()[host]['address']}",
        )  # fmt: skip

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        wait_until(lambda: not Path(f"/proc/{self._init}").exists(), "the box ends")
        shutil.rmtree(self._folder, ignore_errors=True)


_DINGLI = (sys.executable, "-c", "from dingli.cli.main import run; run()")


def wait_until(condition: Callable[[], bool], what: str, limit_s: float = 180) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, f"not within {limit_s} s: {what}"
        time.sleep(0.1)
