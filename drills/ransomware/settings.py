"""What a drill on a bucket was asked to do, as Chaos Toolkit's configuration carries it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli.archive import settings_of
from dingli.environment import Archive, Environment, EnvironmentKind, load, state_dir
from drills.exceptions import require_confirmed

__all__ = ["FOLDER", "Settings", "workspaces"]

FOLDER = "drill"
"""Below the environment's prefix: where the drill's own objects lie."""


@dataclass(frozen=True)
class Settings:
    """One run. `named`: the environment as it was named, by name or by path."""

    environment: Environment
    named: str
    run_id: str
    bucket: str
    recovery_key: str = ""
    """The file of the key that opens the controller's exports; empty: they are compared, and not opened."""

    @staticmethod
    def of(configuration: dict[str, Any]) -> Settings:
        """From the experiment's configuration."""
        named = str(configuration["environment"])
        run_id, bucket, key = (str(configuration.get(name) or "") for name in ("run_id", "bucket", "recovery_key"))
        environment = load(named)
        if not bucket and environment.archive is not None:
            bucket = environment.archive.bucket
        return Settings(environment, named, run_id, bucket, key)

    @staticmethod
    def confirmed(configuration: dict[str, Any]) -> Settings:
        """The same for what touches the bucket; raises DrillRefused unless the drill was shown and answered."""
        settings = Settings.of(configuration)
        require_confirmed(settings.run_id)
        return settings

    def as_configuration(self) -> dict[str, str]:
        """What `of` makes the same settings from, as far as a verdict needs them."""
        return {"environment": self.environment.name, "run_id": self.run_id, "bucket": self.bucket}

    def words(self) -> dict[str, str]:
        """What titles and plans may name."""
        return {"environment": self.environment.name, "bucket": self.bucket}

    @property
    def archive(self) -> Archive:
        """Raises InputError for an environment without one."""
        return settings_of(self.environment)

    @property
    def is_lab(self) -> bool:
        return self.environment.kind is EnvironmentKind.LAB

    @property
    def prefix(self) -> str:
        """What of the bucket is this environment's."""
        return f"{self.environment.name}/"

    @property
    def workspace(self) -> Path:
        """Where this run's files are gathered on the controller."""
        return workspaces(self.environment) / self.run_id

    @property
    def restored(self) -> Path:
        """Where everything is brought back to, for as long as the drill runs."""
        return self.workspace / "restored"


def workspaces(environment: Environment) -> Path:
    """The folder of all runs' files."""
    return state_dir(environment.name) / "drills"
