"""What a cell looks like now: who leads, how far each core is, whether the journal's members are well."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dingli.cell import remote
from dingli.cell.exceptions import CellError
from dingli.cell.members import ask_members
from dingli.environment import Environment
from dingli.exceptions import DingliError

MAX_AGE_MS = 5_000


class HashState(StrEnum):
    """Whether a core has computed what the others have, at the same entry."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """Nothing to compare with: no entry follows its head yet, and no other core stands there."""


@dataclass(frozen=True)
class CoreView:
    """One core as it last described itself. `claim`: the hash that the journal states for the core's head, if any."""

    core: str
    role: str
    head: int
    hash: str
    lag_ms: int
    age_ms: int
    replay_per_s: int
    claim: str


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
    handover: str = ""
    """The core that alone may campaign, if one is named."""
    switch: str = ""
    """The core to which the leader is asked to hand over, if it is."""
    halt_reason: str = ""

    @property
    def head(self) -> int:
        """The newest entry that any core is known to have executed."""
        return max((core.head for core in self.cores.values()), default=0)

    def hash_state(self, core: str) -> HashState:
        """A core's hash against the journal's for the same entry, or else against those of cores that stand there."""
        one = self.cores.get(core)
        if one is None:
            return HashState.UNKNOWN
        there = {other.hash for other in self.cores.values() if other.head == one.head and other.core != core}
        compared = {one.claim} if one.claim else there
        if not compared:
            return HashState.UNKNOWN
        return HashState.EQUAL if compared == {one.hash} else HashState.DIFFERENT

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
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(remote.on_any_main_core_json, environment, cell, "status")
        asked = ask_members(environment, environment.journal.members if members else ())
        return parse(said.result(), tuple(Member(one.name, one.healthy, one.leads) for one in asked))


def parse(data: dict[str, Any], members: tuple[Member, ...], now_ns: int | None = None) -> View:
    """A view from the control program's `status`. `now_ns`: the clock of the host that gave it, if that is known."""
    now = time.time_ns() if now_ns is None else now_ns
    leader = data["leader"] or {"core": "", "epoch": 0}
    claims = data.get("claims", {})
    return View(
        now,
        leader["core"],
        leader["epoch"],
        {core: _core(core, one, now, claims.get(core, "")) for core, one in data["cores"].items()},
        tuple(data["quarantined"]),
        bool(data["halted"]),
        members,
        data.get("handover") or "",
        data.get("switch") or "",
        str((data.get("halt") or {}).get("reason", "")),
    )


def _core(core: str, one: dict[str, Any], now_ns: int, claim: str) -> CoreView:
    age_ms = max(0, (now_ns - int(one["time_ns"])) // 1_000_000)
    return CoreView(core, one["role"], one["head"], one["hash"], one["lag_ms"], age_ms, one["replay_per_s"], claim)


def wait_until(
    environment: Environment,
    cell: str,
    why_not: Callable[[View], str | None],
    *,
    timeout_s: float,
    members: bool = True,
) -> View:
    """Observes until `why_not` gives no reason any more; raises CellError with the last reason otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            view = observe(environment, cell, members=members)
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
