"""What there is of an environment, as data: what `dingli status --json` prints (docs/operations.md, Status)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dingli.cell import HashState, View
from dingli.gate import Finding

__all__ = [
    "CellStatus",
    "CoreStatus",
    "Expiry",
    "GatewayStatus",
    "HostStatus",
    "JournalStatus",
    "MemberPicture",
    "Picture",
    "SessionStatus",
]

FORMAT = 1


@dataclass(frozen=True)
class Expiry:
    """The certificate of a host that expires first."""

    host: str
    name: str
    at: datetime


@dataclass(frozen=True)
class HostStatus:
    """`reason`: why it was not reached. `clock_ms`: how far its clock is ahead of the controller's, least and most."""

    site: str
    address: str
    arch: str
    emulated: bool
    reachable: bool
    reason: str | None
    took_s: float
    clock_ms: tuple[int, int] | None
    certificate: Expiry | None
    failed: dict[str, str]


@dataclass(frozen=True)
class MemberPicture:
    """A member of the journal. `state`: healthy, no leader, silent (its host answers), unreachable."""

    name: str
    site: str
    state: str
    leads: bool
    db_bytes: int
    quota_bytes: int
    raft_index: int
    behind: int
    errors: tuple[str, ...]


@dataclass(frozen=True)
class JournalStatus:
    """`leader`: the member that leads, empty if none that answers does. `belongs`: where the leader should be."""

    members: tuple[MemberPicture, ...]
    leader: str
    leader_site: str
    belongs: tuple[str, ...]


@dataclass(frozen=True)
class CoreStatus:
    """A core as it last described itself. `behind` in entries, `lag_ms` its own statement, `age_ms` how old that is.

    `role` is "silent" where it has said nothing; then the numbers are 0.
    """

    core: str
    kind: str
    host: str
    site: str
    takeover: str
    emulated: bool
    service: str
    """What systemd says of it on its host; empty where that is not known."""
    role: str
    head: int
    behind: int
    lag_ms: int
    age_ms: int
    hash: HashState
    quarantined: bool
    clock_ms: tuple[int, int] | None


@dataclass(frozen=True)
class GatewayStatus:
    """`linked`: to a leading core, of `epoch`. All None where the gateway did not answer, for `reason`."""

    host: str
    site: str
    address: str
    reason: str | None
    linked: bool | None
    epoch: int | None
    sessions: int | None
    connections: int | None
    unconfirmed: int | None


@dataclass(frozen=True)
class SessionStatus:
    """None where no core tells (of a session that never logged on: its numbers are 1)."""

    name: str
    connected: bool | None
    next_in: int | None
    next_out: int | None


@dataclass(frozen=True)
class CellStatus:
    """`trouble`: why nothing is known of leader and cores. `view`: what the judgement of a switch reads."""

    name: str
    trouble: str | None
    leader: str
    leader_site: str
    epoch: int
    head: int
    halted: bool
    halt_reason: str
    handover: str
    switch: str
    cores: tuple[CoreStatus, ...]
    gateways: tuple[GatewayStatus, ...]
    sessions: tuple[SessionStatus, ...]
    view: View | None

    def core(self, core_id: str) -> CoreStatus | None:
        """One of its cores."""
        return next((one for one in self.cores if one.core == core_id), None)


@dataclass(frozen=True)
class Picture:
    """`problems` make it degraded; `notes` do not."""

    environment: str
    at: datetime
    took_s: float
    hosts: dict[str, HostStatus]
    journal: JournalStatus
    cells: dict[str, CellStatus]
    gate: dict[str, Finding]
    nearest: Expiry | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def plain(self) -> dict[str, Any]:
        """For `--json`; keys are only ever added."""
        cells = {name: {k: v for k, v in asdict(cell).items() if k != "view"} for name, cell in self.cells.items()}
        hosts = {name: asdict(host) for name, host in self.hosts.items()}
        for host in hosts.values():
            if host["certificate"] is not None:
                host["certificate"]["at"] = host["certificate"]["at"].isoformat()
        return {
            "format": FORMAT,
            "environment": self.environment,
            "at": self.at.isoformat(),
            "took_s": round(self.took_s, 3),
            "ok": self.ok,
            "problems": list(self.problems),
            "notes": list(self.notes),
            "hosts": hosts,
            "journal": asdict(self.journal),
            "cells": cells,
            "gate": {name: {"state": item.state.value, "text": item.text} for name, item in self.gate.items()},
            "nearest_certificate_expiry": self.nearest.at.isoformat() if self.nearest else None,
        }
