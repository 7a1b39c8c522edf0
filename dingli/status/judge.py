"""From what hosts answered to a picture of the environment: pure functions, so that recorded answers can be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dingli.cell import HashState, View
from dingli.cell.members import MemberStatus
from dingli.cell.view import MAX_AGE_MS, parse
from dingli.environment import Cell, Core, Environment
from dingli.environment.etcd import same_city_members
from dingli.gate import Finding, State, judge_leadership, judge_quorum
from dingli.status.answers import GatewaySeen, HostSeen, SessionSeen
from dingli.status.complaints import notes, problems
from dingli.status.picture import (
    CellStatus,
    CoreStatus,
    Expiry,
    GatewayStatus,
    HostStatus,
    JournalStatus,
    MemberPicture,
    Picture,
    SessionStatus,
)

__all__ = ["judge"]

_NO_CORE = CoreStatus("", "", "", "", "", False, "", "silent", 0, 0, 0, 0, HashState.UNKNOWN, False, None)


def judge(environment: Environment, seen: Mapping[str, HostSeen], now: datetime, took_s: float = 0.0) -> Picture:
    """The whole picture. `seen` holds every declared host."""
    members = [_member(seen[name]) for name in environment.journal.members]
    cells = {cell.name: _cell(environment, cell, seen) for cell in environment.cells.values()}
    hosts = {name: _host(environment, seen[name]) for name in environment.hosts}
    expiries = [host.certificate for host in hosts.values() if host.certificate is not None]
    picture = Picture(
        environment.name,
        now,
        took_s,
        hosts,
        _journal(environment, seen, members, cells),
        cells,
        {"quorum": judge_quorum(members), "leadership": _leadership(environment, cells)},
        min(expiries, key=lambda one: one.at, default=None),
        (),
        (),
    )
    return replace(picture, problems=problems(picture), notes=notes(environment, picture))


def _host(environment: Environment, seen: HostSeen) -> HostStatus:
    host = environment.hosts[seen.host]
    expiries = [Expiry(seen.host, name, at) for name, at in seen.certificates.items()]
    return HostStatus(
        site=host.site,
        address=str(host.address),
        arch=host.arch.value,
        emulated=host.emulated,
        reachable=seen.trouble is None,
        reason=seen.trouble,
        took_s=round(seen.took_s, 3),
        clock_ms=seen.clock_ms,
        certificate=min(expiries, key=lambda one: one.at, default=None),
        failed=dict(seen.failed),
    )


def _member(seen: HostSeen) -> MemberStatus:
    if seen.trouble is not None:
        return MemberStatus(seen.host, reached=False)
    return seen.member or MemberStatus(seen.host)


def _journal(
    environment: Environment, seen: Mapping[str, HostSeen], members: list[MemberStatus], cells: dict[str, CellStatus]
) -> JournalStatus:
    newest = max(one.raft_index for one in members)
    leader = next((one.name for one in members if one.leads), "")
    led_from = next((cell.leader.split("/")[0] for cell in cells.values()), "")  # the first cell places it
    return JournalStatus(
        tuple(
            MemberPicture(
                one.name,
                environment.hosts[one.name].site,
                _state(one),
                one.leads,
                one.db_bytes,
                seen[one.name].quota_bytes,
                one.raft_index,
                newest - one.applied_index if one.answered else 0,
                one.errors,
            )
            for one in members
        ),
        leader,
        environment.hosts[leader].site if leader else "",
        same_city_members(environment, led_from) if led_from in environment.hosts else (),
    )


def _state(member: MemberStatus) -> str:
    if not member.reached:
        return "unreachable"
    if not member.answered:
        return "silent"
    return "healthy" if member.healthy else "no leader"


def _cell(environment: Environment, cell: Cell, seen: Mapping[str, HostSeen]) -> CellStatus:
    main = [core.host for core in cell.cores if core.kind == "main"]
    speaker = next((host for host in main if cell.name in seen[host].cells), None)
    view, trouble = None, None
    if speaker is not None:
        view = parse(seen[speaker].cells[cell.name], (), seen[speaker].at_ns)
    else:
        trouble = "; ".join(f"{host}: {_why_silent(seen[host], f'cell-{cell.name}')}" for host in main)
    leader_host = view.leader.split("/")[0] if view else ""
    return CellStatus(
        name=cell.name,
        trouble=trouble,
        leader=view.leader if view else "",
        leader_site=environment.hosts[leader_host].site if leader_host in environment.hosts else "",
        epoch=view.epoch if view else 0,
        head=view.head if view else 0,
        halted=view.halted if view else False,
        halt_reason=view.halt_reason if view else "",
        handover=view.handover if view else "",
        switch=view.switch if view else "",
        cores=tuple(_core(environment, cell.name, core, view, seen) for core in cell.cores),
        gateways=tuple(_gateway(environment, cell, host, seen[host]) for host in cell.running_gateways),
        sessions=_sessions(cell, [leader_host, *main], seen),
        view=view,
    )


def _why_silent(seen: HostSeen, part: str) -> str:
    return seen.trouble or seen.failed.get(part, "said nothing")


def _core(
    environment: Environment, cell: str, core: Core, view: View | None, seen: Mapping[str, HostSeen]
) -> CoreStatus:
    site = environment.site_of(core.host)
    status = replace(
        _NO_CORE,
        core=core.core_id,
        kind=core.kind.value,
        host=core.host,
        site=site.name,
        takeover=core.takeover.value,
        emulated=environment.hosts[core.host].emulated,
        service=seen[core.host].services.get(cell, ""),
        clock_ms=seen[core.host].clock_ms,
        quarantined=view is not None and core.core_id in view.quarantined,
    )
    said = view.cores.get(core.core_id) if view is not None else None
    if view is None or said is None:
        return status
    return replace(
        status,
        role=said.role if said.age_ms < MAX_AGE_MS else "silent",
        head=said.head,
        behind=view.head - said.head,
        lag_ms=said.lag_ms,
        age_ms=said.age_ms,
        hash=view.hash_state(core.core_id),
    )


def _gateway(environment: Environment, cell: Cell, host: str, seen: HostSeen) -> GatewayStatus:
    declared = environment.hosts[host]
    told: GatewaySeen | None = seen.gateways.get(cell.name)
    return GatewayStatus(
        host,
        declared.site,
        f"{declared.address}:{cell.ports.fix}",
        None if told else _why_silent(seen, f"gateway-{cell.name}"),
        told.linked if told else None,
        told.epoch if told else None,
        told.sessions if told else None,
        told.connections if told else None,
        told.unconfirmed if told else None,
    )


def _sessions(cell: Cell, hosts: list[str], seen: Mapping[str, HostSeen]) -> tuple[SessionStatus, ...]:
    """From the leader if it tells, or else from the first main core that does: followers have the same state."""
    told: tuple[SessionSeen, ...] | None = None
    for host in hosts:
        if told is None and host in seen:
            told = seen[host].sessions.get(cell.name) or None
    if told is None:
        return tuple(SessionStatus(name, None, None, None) for name in cell.sessions)
    known = {one.name: one for one in told}
    fresh = [known.get(name) or SessionSeen(name, False, 1, 1) for name in cell.sessions]
    return tuple(SessionStatus(one.name, one.connected, one.next_in, one.next_out) for one in fresh)


def _leadership(environment: Environment, cells: dict[str, CellStatus]) -> Finding:
    views = {name: cell.view for name, cell in cells.items() if cell.view is not None}
    silent = [f"{name}: {cell.trouble}" for name, cell in cells.items() if cell.view is None]
    found = judge_leadership(environment, views)
    if silent and found.state is State.PASSED:
        return Finding(State.UNKNOWN, "; ".join([*silent, *([found.text] if found.text else [])]))
    return found
