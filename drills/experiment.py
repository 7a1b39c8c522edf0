"""What an experiment says of itself to our control: what it is, which step is the fault, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from drills.settings import Settings

__all__ = ["LED_BY", "Drill", "Strikes", "cuts_power"]

LED_BY = "led-by"
"""The step whose output says under which `epoch` the cell is led; later steps find it in their settings."""
_POWER = "drills.actions.power"


class Strikes(StrEnum):
    """What a drill is about."""

    CELL = "cell"
    BUCKET = "bucket"


class Words(Protocol):
    """Settings of any kind of drill."""

    def words(self) -> dict[str, str]:
        """What titles and plans may name."""
        ...


@dataclass(frozen=True)
class Drill:
    """The arguments of the control in an experiment's file; texts may hold the names of `Settings.words`."""

    name: str
    title: str = "{drill}"
    fault: str = "site-loses-power"
    """The step whose output says when the fault was set (`t0_ns`)."""
    does: str = ""
    """What the fault does, for the plan."""
    target: str = "service_rto_s"
    """Which of the environment's targets this drill is about."""
    others_keep_service: bool = False
    """Whether the other cells must not feel it."""
    strikes: str = Strikes.CELL

    @property
    def calls_site(self) -> bool:
        """Whether it calls a site on demand: nobody takes over, and what counts is how long that takes."""
        return self.target == "site_call_s"

    @staticmethod
    def of(experiment: dict[str, Any]) -> Drill:
        """From the experiment; raises KeyError or TypeError for one without our control or with other arguments."""
        given = dict(experiment["controls"][0]["provider"]["arguments"])
        return Drill(given.pop("drill"), str(experiment["title"]), **given)

    @staticmethod
    def read(data: str | dict[str, Any]) -> Drill:
        """From evidence; early drills, all of them site losses, left their name alone."""
        return Drill(data) if isinstance(data, str) else Drill(**data)

    def titled(self, settings: Words) -> str:
        """The title, with this run's names in it."""
        return self.title.format(drill=self.name, **settings.words())

    def plan(self, experiment: dict[str, Any], settings: Settings) -> list[str]:
        """What will be done, in words, before anything is."""
        words = settings.words()
        return [
            self.titled(settings),
            f"  cell {settings.cell.name}, led by {settings.home}; load {settings.rate:g} orders/s for "
            f"{settings.load_s} s from {settings.load_host}",
            f"  fault: {self.does.format(**words)}",
            self._afterwards(settings),
            f"  other cells, watched{' and held to their service' if self.others_keep_service else ''}: "
            f"{', '.join(settings.other_cells) or 'there are none'}",
            "  steps: " + " > ".join(one["name"] for one in experiment["method"]),
            "  always at the end: " + ", ".join(one["name"] for one in experiment["rollbacks"]),
        ]

    def _afterwards(self, settings: Settings) -> str:
        if self.calls_site:
            return f"  takeover by: nobody, {settings.home} leads on; afterwards the site is sent back, its disks go"
        return (
            f"  takeover by: {settings.takeover_by or 'whichever core may'}; afterwards "
            f"leadership goes back to {settings.home}"
        )


def cuts_power(experiment: dict[str, Any]) -> bool:
    """Whether any step does: then every host that it strikes needs a power driver."""
    return any(one["provider"].get("module") == _POWER for one in experiment["method"])
