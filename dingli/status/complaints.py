"""What is wrong in a picture, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from dingli.cell import HashState
from dingli.environment import Environment, Takeover
from dingli.gate import State
from dingli.status.picture import CellStatus, CoreStatus, Picture

__all__ = ["MAX_CLOCK_MS", "MAX_LAG_MS", "core_complaint", "notes", "problems", "surely_off_ms"]

MAX_LAG_MS = 1_000
"""A core that lags more is no candidate (an emulated one is given more time in what is shown, not in a switch)."""
EMULATED_LAG_MS = 3_000
MAX_CLOCK_MS = 100
MAX_RAFT_BEHIND = 5_000
"""Members are asked at different moments: less than that is only the load."""
QUOTA_ALARM = 0.6
_EXPIRY_PROBLEM = timedelta(days=7)
_EXPIRY_NOTE = timedelta(days=30)


def surely_off_ms(one: tuple[int, int], other: tuple[int, int]) -> int:
    """By how much two clocks differ at least, given the bounds of each."""
    return max(0, one[0] - other[1], other[0] - one[1])


def problems(picture: Picture) -> tuple[str, ...]:
    """Why the environment is degraded; empty if it is healthy."""
    found = list(_hosts(picture))
    for name, finding in picture.gate.items():
        if finding.state is not State.PASSED:
            found.append(f"{name}: {finding.state.value}: {finding.text}")
    found += _journal(picture)
    for cell in picture.cells.values():
        found += _cell(picture, cell)
    nearest = picture.nearest
    if nearest is not None and nearest.at - picture.at < _EXPIRY_PROBLEM:
        found.append(f"{nearest.host}: the certificate {nearest.name} expires on {nearest.at:%Y-%m-%d %H:%M} UTC")
    return tuple(found)


def _hosts(picture: Picture) -> Iterator[str]:
    if picture.hosts and not any(host.reachable for host in picture.hosts.values()):
        yield "no host answers: this may be this machine's network, keys or known_hosts, not the hosts"
    for name, host in picture.hosts.items():
        if not host.reachable:
            yield f"{name}: not reached: {host.reason}"
        for part, reason in host.failed.items():
            if part in ("certificates", "quota"):
                yield f"{name}: {part}: {reason}"


def _journal(picture: Picture) -> Iterator[str]:
    for member in picture.journal.members:
        yield from (f"journal on {member.name}: {error}" for error in member.errors)
        if member.behind > MAX_RAFT_BEHIND:
            yield f"journal on {member.name}: {member.behind} raft entries behind"
        if member.quota_bytes and member.db_bytes > QUOTA_ALARM * member.quota_bytes:
            yield f"journal on {member.name}: {member.db_bytes / member.quota_bytes:.0%} of its quota used"


def _cell(picture: Picture, cell: CellStatus) -> Iterator[str]:
    if cell.trouble is not None:
        return
    for core in cell.cores:
        reason = core_complaint(core)
        if reason is not None:
            yield f"{cell.name}: {core.core} {reason}"
    for gateway in cell.gateways:
        if gateway.linked is None and picture.hosts[gateway.host].reachable:
            yield f"{cell.name}: gateway {gateway.host}: {gateway.reason}"
        if gateway.linked is False:
            yield f"{cell.name}: gateway {gateway.host} is linked to no leading core"


def core_complaint(core: CoreStatus) -> str | None:
    """Why a core is not well, or None; of a quarantined one, leadership says so."""
    if core.quarantined:
        return None
    if core.service not in ("", "active"):
        return f"does not run: its service is {core.service}"
    if core.role == "silent":
        return "has said nothing" if not core.age_ms else f"has said nothing for {core.age_ms / 1000:.0f} s"
    if core.hash is HashState.DIFFERENT:
        return f"has another hash at entry {core.head}"
    if core.role == "starting":
        return f"is starting, at entry {core.head}"
    allowed = EMULATED_LAG_MS if core.emulated else MAX_LAG_MS
    return f"lags {core.lag_ms} ms" if core.lag_ms > allowed else None


def notes(environment: Environment, picture: Picture) -> tuple[str, ...]:
    """What a person should know though nothing is wrong."""
    found = []
    for cell in picture.cells.values():
        declared = environment.cells[cell.name].cores
        home = next(core.core_id for core in declared if core.takeover is Takeover.AUTOMATIC)
        if cell.leader and cell.leader != home:
            switch = f"dingli switch {cell.name} --to {home} --env {picture.environment}"
            found.append(f"{cell.name} is led by {cell.leader}, in steady state by {home}: `{switch}`")
        if cell.switch or cell.handover:
            found.append(f"{cell.name}: a hand-over to {cell.switch or cell.handover} is under way")
    for site in dict.fromkeys(host.site for host in environment.hosts.values() if environment.on_call(host.name)):
        found.append(f"{site} is called: `dingli up {picture.environment}` without --call takes its machines away")
    journal = picture.journal
    if journal.leader and journal.belongs and journal.leader not in journal.belongs:
        found.append(
            f"the journal is led by {journal.leader}, it belongs on {', '.join(journal.belongs)} (moves itself)"
        )
    nearest = picture.nearest
    if nearest is not None and _EXPIRY_PROBLEM <= nearest.at - picture.at < _EXPIRY_NOTE:
        found.append(f"a certificate expires on {nearest.at:%Y-%m-%d}: `dingli up {picture.environment}` renews it")
    reached = {name: host.clock_ms for name, host in picture.hosts.items() if host.clock_ms is not None}
    for name, clock in reached.items():
        others = [surely_off_ms(clock, other) for host, other in reached.items() if host != name]
        if len(others) > 1 and min(others) > MAX_CLOCK_MS:
            found.append(f"{name}: its clock differs from every other host's by {min(others)} ms or more")
    return tuple(found)
