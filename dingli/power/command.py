"""A power controller behind commands: whoever keeps it keeps the expiry, too."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dingli.environment.power import CommandPower
from dingli.power.exceptions import PowerFailed, PowerRefused

__all__ = ["CommandDriver"]

_COMMAND_TIMEOUT_S = 60


@dataclass
class CommandDriver:
    """Runs what the environment file declares, on this machine."""

    declared: CommandPower
    host: str
    _seconds: int = 0

    def promise(self, seconds: int) -> None:
        """Kept by the controller itself, which is told with the cut."""
        self._seconds = seconds

    def cut(self) -> str:
        self._run(self.declared.off.format(host=self.host, seconds=self._seconds))
        return ""

    def on(self) -> None:
        self._run(self.declared.on.format(host=self.host))

    def status(self) -> str:
        name = self.declared.name
        if self.declared.status is None:
            raise PowerRefused(f"{name} has no command that only asks", "`status`", f"declare power.{name}.status")
        return " ".join(self._run(self.declared.status.format(host=self.host)).split())[:200]

    def _run(self, command: str) -> str:
        """Its standard output; raises PowerFailed."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        what = f"{self.host}: {command!r}"
        try:
            done = subprocess.run(
                shlex.split(command),
                capture_output=True,
                text=True,
                timeout=_COMMAND_TIMEOUT_S,
                check=False,
                env={**os.environ, "PATH": path},
                start_new_session=True,  # a Ctrl-C in the terminal must not end it half-way
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PowerFailed(f"{what}: {error}", "that it ends with status 0", "run it by hand") from error
        if done.returncode != 0:
            detail = (done.stderr or done.stdout).strip()[-500:]
            raise PowerFailed(f"{what} ended with status {done.returncode}: {detail}", "status 0", "run it by hand")
        return done.stdout
