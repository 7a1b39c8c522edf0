"""What a cell looks like now: who leads, how far each core is, whether the journal's members are well."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dingli.cell import remote
from dingli.cell.exceptions import CellError
from dingli.cell.members import member_status
from dingli.environment import Environment
from dingli.exceptions import DingliError

MAX_AGE_MS = 5_000


@dataclass(frozen=True)
class CoreView:
    """One core as it last described itself."""

    core: str
    role: str
    head: int
    hash: str
    lag_ms: int
    age_ms: int
    replay_per_s: int


@dataclass(frozen=True)
class Member:
    """One member of the journal, in its own words; one that does not answer is not healthy."""

    name: str
    healthy: bool
    leads: bool


@dataclass(frozen=True)
class View:
    """One cell, and the journal below it, at one moment."""

    at_ns: int
    leader: str
    epoch: int
    cores: dict[str, CoreView]
    quarantined: tuple[str, ...]
    halted: bool
    members: tuple[Member, ...]

    def leads(self, core: str) -> bool:
        """Whether `core` holds the leader key and says itself that it leads."""
        view = self.cores.get(core)
        return self.leader == core and view is not None and view.role == "leader" and view.age_ms < MAX_AGE_MS

    @property
    def members_down(self) -> list[str]:
        """Members that do not answer."""
        return [member.name for member in self.members if not member.healthy]

    @property
    def journal_leader(self) -> str:
        """The member that leads the journal; empty if none that answers does."""
        return next((member.name for member in self.members if member.leads), "")


def observe(environment: Environment, cell: str, *, members: bool = True) -> View:
    """Asks the cell, through any host with a main core, and (unless told otherwise) every member of the journal."""
    with ThreadPoolExecutor(1 + len(environment.journal.members)) as pool:
        said = pool.submit(remote.on_any_main_core_json, environment, cell, "status")
        names = environment.journal.members if members else ()
        found = tuple(pool.map(lambda name: _member(environment, name), names))
        return parse(said.result(), found)


def _member(environment: Environment, name: str) -> Member:
    status = member_status(environment, name)
    if status is None:
        return Member(name, healthy=False, leads=False)
    own = status["Status"]
    return Member(name, healthy=own["leader"] != 0, leads=own["leader"] == own["header"]["member_id"])


def parse(data: dict[str, Any], members: tuple[Member, ...]) -> View:
    """A view from the control program's `status`."""
    now = time.time_ns()
    leader = data["leader"] or {"core": "", "epoch": 0}
    cores = {core: _core(core, one, now) for core, one in data["cores"].items()}
    quarantined = tuple(data["quarantined"])
    return View(now, leader["core"], leader["epoch"], cores, quarantined, bool(data["halted"]), members)


def _core(core: str, one: dict[str, Any], now_ns: int) -> CoreView:
    age_ms = max(0, (now_ns - int(one["time_ns"])) // 1_000_000)
    return CoreView(core, one["role"], one["head"], one["hash"], one["lag_ms"], age_ms, one["replay_per_s"])


def wait_until(environment: Environment, cell: str, why_not: Callable[[View], str | None], *, timeout_s: float) -> View:
    """Observes until `why_not` gives no reason any more; raises CellError with the last reason otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            view = observe(environment, cell)
            reason = why_not(view)
            if reason is None:
                return view
        except DingliError as error:
            reason = error.found
        if time.monotonic() > deadline:
            raise CellError(
                f"cell {cell} after {timeout_s:.0f} s: {reason}", "that it comes about", "see `dingli status`"
            )
        time.sleep(0.25)
