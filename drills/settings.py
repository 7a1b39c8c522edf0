"""What a drill was asked to do, as Chaos Toolkit's configuration carries it to every action and probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli.environment import Cell, Environment, load, state_dir
from drills.exceptions import DrillInput


@dataclass(frozen=True)
class Settings:
    """One run of one drill."""

    environment: Environment
    cell: Cell
    site: str
    run_id: str
    off_s: int
    load_s: int
    rate: float
    takeover_by: str

    @staticmethod
    def of(configuration: dict[str, Any]) -> Settings:
        """From the experiment's configuration; raises DrillInput for a cell or a site that is not declared."""
        environment = load(str(configuration["environment"]))
        cell, site = str(configuration["cell"]), str(configuration["site"])
        if cell not in environment.cells:
            raise DrillInput(f"cell {cell!r}", f"one of {', '.join(sorted(environment.cells))}", "name it with --cell")
        if site not in environment.sites:
            raise DrillInput(f"site {site!r}", f"one of {', '.join(sorted(environment.sites))}", "name it with --site")
        takeover_by = str(configuration.get("takeover_by") or "")
        cores = {core.core_id for core in environment.cells[cell].cores}
        if takeover_by and takeover_by not in cores:
            raise DrillInput(
                f"core {takeover_by!r}", f"one of {', '.join(sorted(cores))}", "name it with --takeover-by"
            )
        return Settings(
            environment,
            environment.cells[cell],
            site,
            str(configuration.get("run_id") or ""),
            int(configuration["off_s"]),
            int(configuration["load_s"]),
            float(configuration["rate"]),
            takeover_by,
        )

    def as_configuration(self) -> dict[str, str]:
        """What `of` makes the same settings from."""
        return {
            "environment": self.environment.name,
            "cell": self.cell.name,
            "site": self.site,
            "takeover_by": self.takeover_by,
            "run_id": self.run_id,
            "rate": str(self.rate),
            "off_s": str(self.off_s),
            "load_s": str(self.load_s),
        }

    @property
    def hosts(self) -> list[str]:
        """The hosts of the site that loses power."""
        return [host.name for host in self.environment.hosts_at(self.site)]

    @property
    def home(self) -> str:
        """The core that leads in steady state: the first automatic one."""
        return next(core.core_id for core in self.cell.cores if core.takeover == "automatic")

    @property
    def load_host(self) -> str:
        """Where load, probe and records live: the first host of the ops site."""
        ops = [host.name for host in self.environment.hosts.values() if not self.environment.site_of(host.name).trading]
        if not ops:
            raise DrillInput("no host on an ops site", "one, from which load and probe run", "declare one")
        return ops[0]

    @property
    def load_folder(self) -> str:
        """Where this run's records lie on the load host."""
        return f"/var/lib/dingli/load/{self.run_id}"

    @property
    def workspace(self) -> Path:
        """Where this run's files are gathered on the controller."""
        return state_dir(self.environment.name) / "drills" / self.run_id
