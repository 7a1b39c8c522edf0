"""Whether a switch is safe now, and to which core: a pure function of what is asked and what is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from dingli.cell import HashState
from dingli.environment import Environment, Takeover
from dingli.environment.etcd import same_city_members
from dingli.exceptions import InputError
from dingli.status import CellStatus, CoreStatus, Picture
from dingli.status.complaints import MAX_CLOCK_MS, MAX_LAG_MS, MAX_RAFT_BEHIND, surely_off_ms

__all__ = ["Action", "Candidate", "Decision", "Request", "decide"]

MAX_ENTRIES_BEHIND = 1_000  # a busy cell commits as many between two statuses


class Action(StrEnum):
    """What has to be done."""

    SWITCH = "switch"
    TAKEOVER = "takeover"
    """Nobody leads: a chosen core is let take over."""
    NOTHING = "nothing"
    """The target leads."""


@dataclass(frozen=True)
class Request:
    """`to`: a site or a core id. `accept_remote`: the person accepts a core that only takes over by hand."""

    cell: str
    to: str
    accept_remote: bool = False


@dataclass(frozen=True)
class Candidate:
    """A core that was asked for, and every reason against it."""

    core: CoreStatus
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """`refusals` empty: it may be done. `target` is empty when no core can be chosen."""

    action: Action
    cell: str
    target: str
    leader: str
    leader_site: str
    epoch: int
    head: int
    candidates: tuple[Candidate, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    journal: str
    sessions: int

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return not self.refusals

    @property
    def core(self) -> CoreStatus | None:
        """The chosen core."""
        return next((one.core for one in self.candidates if one.core.core == self.target), None)

    def plain(self) -> dict[str, Any]:
        """For `--json` and evidence."""
        return {**asdict(self), "allowed": self.allowed}


def decide(environment: Environment, picture: Picture, request: Request, busy: str | None = None) -> Decision:
    """Raises InputError for a cell, site or core that is not declared. `busy`: what else is under way."""
    wanted = _wanted(environment, request)
    cell = picture.cells[request.cell]
    action = Action.SWITCH if cell.leader else Action.TAKEOVER
    candidates = [
        Candidate(core, tuple(_against_core(picture, cell, core, request)))
        for core in cell.cores
        if core.core in wanted
    ]
    if cell.leader in wanted:
        action, chosen = Action.NOTHING, cell.leader
    else:
        chosen = next((one.core.core for one in candidates if not one.reasons), "")
    refusals: list[str] = []
    if action is not Action.NOTHING:
        refusals = [*([busy] if busy else []), *_against_moment(picture, cell, action)]
        if not chosen and cell.trouble is None:
            refusals += [f"{one.core.core}: {reason}" for one in candidates for reason in one.reasons]
            chosen = candidates[0].core.core if len(candidates) == 1 else ""
    return Decision(
        action,
        cell.name,
        chosen,
        cell.leader,
        cell.leader_site,
        cell.epoch,
        cell.head,
        tuple(candidates),
        tuple(refusals),
        tuple(_warnings(picture, cell, chosen, action)),
        _journal(environment, picture, cell, chosen),
        sum(one.connected is True for one in cell.sessions) or sum(one.sessions or 0 for one in cell.gateways),
    )


def _wanted(environment: Environment, request: Request) -> list[str]:
    if request.cell not in environment.cells:
        raise InputError(f"the cell {request.cell!r}", f"one of {', '.join(environment.cells)}", "see `dingli status`")
    cores = environment.cells[request.cell].cores
    sites = dict.fromkeys(environment.site_of(core.host).name for core in cores)
    found = [core.core_id for core in cores if request.to in (core.core_id, environment.site_of(core.host).name)]
    if not found:
        names = ", ".join([*sites, *(core.core_id for core in cores)])
        for core in environment.declared.cells[request.cell].cores:
            site = environment.declared.site_of(core.host).name
            if request.to in (core.core_id, site):
                remedy = f"`dingli up {environment.name} --call {site}` first"
                raise InputError(f"{core.core_id}, whose machine is not there", f"one of {names}", remedy)
        where = "has no core of" if request.to in environment.sites else "is neither a site nor a core of"
        raise InputError(f"{request.to!r} {where} {request.cell}", f"one of {names}", "correct --to")
    return found


def _against_moment(picture: Picture, cell: CellStatus, action: Action) -> Iterator[str]:
    """What speaks against any switch now."""
    if cell.trouble is not None:
        yield f"who leads is not known: {cell.trouble}"
        return
    if cell.halted:
        yield f"the cell is halted: {cell.halt_reason or 'no majority of cores agrees'}"
    if cell.switch or cell.handover:
        yield f"a hand-over to {cell.switch or cell.handover} is under way; look again in a second"
    if action is Action.SWITCH and cell.view is not None and not cell.view.leads(cell.leader):
        yield f"{cell.leader} holds the leader key and does not say that it leads: it hangs, or a takeover is under way"
    members = picture.journal.members
    bad = [f"journal member {one.name} is {one.state}" for one in members if one.state != "healthy"]
    if action is Action.SWITCH:
        yield from (f"quorum at risk: {reason}" for reason in bad)
    elif len(members) - len(bad) <= len(members) // 2:
        yield f"the journal has no majority: {', '.join(bad)}"
    if not picture.journal.leader:
        yield "the journal has no leader"
    for one in members:
        if one.behind > MAX_RAFT_BEHIND:
            yield f"quorum at risk: journal member {one.name} is {one.behind} raft entries behind"
        yield from (f"journal member {one.name}: {error}" for error in one.errors)


def _against_core(picture: Picture, cell: CellStatus, core: CoreStatus, request: Request) -> Iterator[str]:
    """What speaks against one core."""
    if core.quarantined:
        yield "is quarantined"
    if core.takeover == Takeover.MANUAL and not request.accept_remote:
        yield "takes over by hand only, at a remote site: --accept-remote if you mean it"
    if core.service not in ("", "active"):
        yield f"does not run: its service is {core.service}"
    if core.role == "silent":
        yield f"has said nothing for {core.age_ms / 1000:.0f} s" if core.age_ms else "has said nothing"
        return
    if core.role not in ("follower", "leader", "quarantined"):
        yield f"is {core.role}"
    if core.lag_ms > MAX_LAG_MS:
        yield f"lags {core.lag_ms} ms, at most {MAX_LAG_MS} are allowed"
    if core.behind > MAX_ENTRIES_BEHIND:
        yield f"is {core.behind} entries behind"
    if core.hash is HashState.DIFFERENT:
        yield f"has another hash at entry {core.head}"
    if core.hash is HashState.UNKNOWN and cell.leader:
        yield f"its hash at entry {core.head} could not be compared with any other"
    yield from _against_clock(picture, cell, core)


def _against_clock(picture: Picture, cell: CellStatus, core: CoreStatus) -> Iterator[str]:
    """Clocks count against the leader's, or while nobody leads against those of most other cores."""
    if core.clock_ms is None:
        yield f"its host {core.host} was not reached, so its clock is not known"
        return
    leader = cell.core(cell.leader)
    others = [leader] if leader is not None else [one for one in cell.cores if one.host != core.host]
    off = sorted(surely_off_ms(core.clock_ms, one.clock_ms) for one in others if one.clock_ms is not None)
    if off and off[len(off) // 2] > MAX_CLOCK_MS:
        whose = f"{leader.host}'s" if leader is not None else "most other hosts'"
        yield f"its clock is {off[len(off) // 2]} ms or more off {whose}: it would not lead"


def _warnings(picture: Picture, cell: CellStatus, target: str, action: Action) -> Iterator[str]:
    core = cell.core(target)
    if core is not None and core.emulated:
        yield f"{target} runs on an emulated processor: correct, but slow"
    if core is not None and core.takeover == Takeover.MANUAL:
        yield f"{target} is remote: every commit crosses the distance while it leads; lead from the city again soon"
    if action is Action.TAKEOVER and core is not None and core.hash is HashState.UNKNOWN:
        yield f"{target} alone stands at entry {core.head}, so its last hash is not compared (the one before was)"
    if action is Action.TAKEOVER:
        for member in picture.journal.members:
            if member.state != "healthy":
                yield f"journal member {member.name} is {member.state}: no reserve"
        if automatic := [
            one.core for one in cell.cores if one.takeover == Takeover.AUTOMATIC and one.role == "follower"
        ]:
            yield f"{', '.join(automatic)} may take over by itself meanwhile; then this is refused"
    for gateway in cell.gateways:
        if action is Action.SWITCH and gateway.linked is not True:
            yield f"gateway {gateway.host}: {gateway.reason or 'linked to no leading core'}"


def _journal(environment: Environment, picture: Picture, cell: CellStatus, target: str) -> str:
    """What becomes of the journal's leader: the active core of the first cell says where it belongs."""
    leads = picture.journal.leader
    where = f"{leads} at {picture.journal.leader_site}" if leads else "nobody"
    if not target or cell.name != next(iter(picture.cells)):
        return f"{where}, stays"
    belongs = same_city_members(environment, target.split("/")[0])
    if leads in belongs or not belongs:
        return f"{where}, stays"
    return f"{where}, moves to {' or '.join(belongs)} by itself about 10 s afterwards"
