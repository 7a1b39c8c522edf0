"""What puts a fault right on the struck host itself, even when the controller of the drill is gone."""

from __future__ import annotations

import shlex

from dingli.cell import remote
from dingli.ssh import SshError
from drills.settings import Settings

__all__ = ["arm", "disarm"]


def arm(settings: Settings, host: str, after_s: int, *command: str) -> None:
    """The host runs the command after that time, unless `disarm` comes first."""
    timer = ["systemd-run", f"--on-active={after_s}", "--timer-property=AccuracySec=100ms", f"--unit={_unit(settings)}"]
    remote.run(settings.environment, host, shlex.join([*timer, *command]))


def disarm(settings: Settings, host: str) -> None:
    """Nothing happens where none is armed."""
    try:
        remote.run(settings.environment, host, shlex.join(["systemctl", "stop", f"{_unit(settings)}.timer"]))
    except SshError as error:
        if "not loaded" not in error.found:
            raise


def _unit(settings: Settings) -> str:
    return f"dingli-drill-{settings.run_id}"
