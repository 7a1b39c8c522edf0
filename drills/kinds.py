"""The kinds of drills, as our control sees them: how one is asked for, planned, judged and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dingli.environment import Environment
from dingli.power import driver_of
from drills import report as reports
from drills.actions.calling import require_callable
from drills.checker.check import Verdict
from drills.experiment import Drill, Strikes, cuts_power
from drills.judge import Step
from drills.judge import judge as judge_cell
from drills.ransomware.judge import judge as judge_bucket
from drills.ransomware.plan import plan as plan_bucket
from drills.ransomware.report import render_html as render_bucket
from drills.ransomware.settings import Settings as BucketSettings
from drills.settings import Settings

__all__ = ["Asked", "Judged", "Kind", "kind_of"]


class Asked(Protocol):
    """What any drill was asked to do."""

    @property
    def environment(self) -> Environment: ...

    @property
    def run_id(self) -> str: ...

    @property
    def workspace(self) -> Path: ...

    def words(self) -> dict[str, str]: ...

    def as_configuration(self) -> dict[str, str]: ...


class Judged(Protocol):
    """What is said of any drill."""

    drill: str
    verdict: Verdict
    reasons: list[str]
    steps: list[Step]

    def as_data(self) -> dict[str, Any]: ...

    def lines(self) -> Iterable[str]:
        """For the terminal."""
        ...


@dataclass(frozen=True)
class Kind:
    """`plan` may ask, and raises DingliError for what cannot be drilled; nothing here touches anything."""

    settings: Callable[[dict[str, Any]], Any]
    plan: Callable[[Drill, dict[str, Any], Any], list[str]]
    judge: Callable[[Drill, dict[str, Any], Any, Path], Any]
    html: Callable[[Any], str]


def _plan_cell(drill: Drill, experiment: dict[str, Any], settings: Settings) -> list[str]:
    if cuts_power(experiment):
        for host in settings.hosts:
            driver_of(settings.environment, host)
    if drill.calls_site:
        require_callable(settings)
    return drill.plan(experiment, settings)


_KINDS: Mapping[str, Kind] = {
    Strikes.CELL: Kind(Settings.of, _plan_cell, judge_cell, reports.render_html),
    Strikes.BUCKET: Kind(BucketSettings.of, plan_bucket, judge_bucket, render_bucket),
}


def kind_of(drill: Drill) -> Kind:
    """Raises KeyError for a kind that there is not."""
    return _KINDS[drill.strikes]
