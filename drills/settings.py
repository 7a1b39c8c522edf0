"""What a drill was asked to do, as Chaos Toolkit's configuration carries it to every action and probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli.environment import Cell, Environment, Readiness, load, state_dir
from drills.exceptions import DrillInput, require_confirmed

ON_DEMAND = "on-demand"
"""In place of a site's name: the first that is on demand."""


@dataclass(frozen=True)
class Settings:
    """One run of one drill. `site` is empty for a drill that strikes the active core and not a site."""

    environment: Environment
    cell: Cell
    site: str
    run_id: str
    off_s: int
    """How long the fault may last, seconds."""
    load_s: int
    rate: float
    takeover_by: str
    epoch: int = 0
    """Under which the cell was led when the fault was set; 0 before."""

    @staticmethod
    def of(configuration: dict[str, Any]) -> Settings:
        """From the experiment's configuration; raises DrillInput for a cell or a site that is not declared.

        Without a cell, the first one is meant; without a site, in a drill that strikes one, that of the active core.
        """
        environment = load(str(configuration["environment"]))
        name = str(configuration["cell"]) or environment.first_cell
        if name not in environment.cells:
            raise DrillInput(f"cell {name!r}", f"one of {', '.join(sorted(environment.cells))}", "name it with --cell")
        cell = environment.cells[name]
        site = str(configuration.get("site", ""))
        if "site" in configuration and not site:
            site = environment.site_of(cell.home.host).name
        if site == ON_DEMAND and site not in environment.sites:
            site = _first_on_demand(environment)
        if site and site not in environment.sites:
            raise DrillInput(f"site {site!r}", f"one of {', '.join(sorted(environment.sites))}", "name it with --site")
        takeover_by = str(configuration.get("takeover_by") or "")
        cores = {core.core_id for core in cell.cores}
        if takeover_by and takeover_by not in cores:
            raise DrillInput(
                f"core {takeover_by!r}", f"one of {', '.join(sorted(cores))}", "name it with --takeover-by"
            )
        return Settings(
            environment,
            cell,
            site,
            str(configuration.get("run_id") or ""),
            int(configuration.get("off_s") or 0),
            int(configuration["load_s"]),
            float(configuration["rate"]),
            takeover_by,
            int(configuration.get("epoch") or 0),
        )

    @staticmethod
    def confirmed(configuration: dict[str, Any]) -> Settings:
        """The same for what sets a fault; raises DrillRefused unless the drill was shown, answered and begun."""
        settings = Settings.of(configuration)
        require_confirmed(settings.run_id)
        return settings

    def as_configuration(self) -> dict[str, str]:
        """What `of` makes the same settings from."""
        return {
            "environment": self.environment.name,
            "cell": self.cell.name,
            "takeover_by": self.takeover_by,
            "run_id": self.run_id,
            "rate": str(self.rate),
            "off_s": str(self.off_s),
            "load_s": str(self.load_s),
            "epoch": str(self.epoch),
        } | ({"site": self.site} if self.site else {})

    def words(self) -> dict[str, str]:
        """What titles and plans may name."""
        return {
            "environment": self.environment.name,
            "cell": self.cell.name,
            "site": self.site,
            "core": self.home,
            "hosts": ", ".join(self.hosts),
            "on_call": ", ".join(self.on_call),
            "off_s": str(self.off_s),
        }

    @property
    def hosts(self) -> list[str]:
        """The hosts that the fault strikes: those of the site, or the one of the active core."""
        return [host.name for host in self.environment.hosts_at(self.site)] if self.site else [self.cell.home.host]

    @property
    def on_call(self) -> list[str]:
        """The hosts that exist only while the site is called."""
        declared = self.environment.declared
        return [host.name for host in declared.hosts.values() if host.site == self.site and declared.on_call(host.name)]

    @property
    def strikes_leader(self) -> bool:
        """Whether somebody has to take over."""
        return self.cell.home.host in self.hosts

    @property
    def home(self) -> str:
        """The core that leads in steady state."""
        return self.cell.home.core_id

    @property
    def other_cells(self) -> list[str]:
        """Cells that are not drilled."""
        return [name for name in self.environment.cells if name != self.cell.name]

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


def _first_on_demand(environment: Environment) -> str:
    for site in environment.sites.values():
        if site.readiness is Readiness.ON_DEMAND:
            return site.name
    raise DrillInput(
        f"no site of {environment.name} is on demand", "a site with `readiness: on_demand`", "name it with --site"
    )
