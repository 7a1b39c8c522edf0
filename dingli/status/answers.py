"""What a host answered, as data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from dingli.cell.members import MemberStatus, parse_member

__all__ = ["GatewaySeen", "HostSeen", "SessionSeen", "parse"]

_PART = re.compile(r"^@@ (\S+) (\d+)$", re.MULTILINE)
_FILE = re.compile(r"^==> /etc/dingli/pki/(\S+)\.crt <==$", re.MULTILINE)
_TIMED_OUT = (124, 137)


@dataclass(frozen=True)
class GatewaySeen:
    """A gateway's own numbers."""

    linked: bool
    epoch: int
    sessions: int
    connections: int
    unconfirmed: int


@dataclass(frozen=True)
class SessionSeen:
    """A FIX session as a core knows it: next_in is expected from the member, next_out goes to it."""

    name: str
    connected: bool
    next_in: int
    next_out: int


@dataclass(frozen=True)
class HostSeen:
    """One host's answers. `trouble`: why there are none. `failed`: parts that could not be answered, and why."""

    host: str
    trouble: str | None = None
    took_s: float = 0.0
    at_ns: int = 0
    """The host's clock at the end."""
    clock_ms: tuple[int, int] | None = None
    """By how much, at least and at most, the host's clock is ahead of the controller's."""
    certificates: Mapping[str, datetime] = field(default_factory=dict)
    member: MemberStatus | None = None
    quota_bytes: int = 0
    cells: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    """By cell: what systemd says of the core on this host ("active")."""
    gateways: Mapping[str, GatewaySeen] = field(default_factory=dict)
    sessions: Mapping[str, tuple[SessionSeen, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def parse(host: str, output: str, sent_ns: int, received_ns: int) -> HostSeen:
    """The output of the script; the times are the controller's, before it was sent and after it came back."""
    parts, failed = _parts(output)
    if "began" not in parts or "ended" not in parts:
        return HostSeen(host, f"an answer that was cut off: {output[-100:]!r}")
    began_ns, ended_ns = int(parts.pop("began")), int(parts.pop("ended"))
    seen = HostSeen(
        host,
        took_s=(received_ns - sent_ns) / 1e9,
        at_ns=ended_ns,
        clock_ms=((ended_ns - received_ns) // 1_000_000, (began_ns - sent_ns) // 1_000_000),
        member=MemberStatus(host) if "member" in failed else None,
    )
    for name, text in parts.items():
        try:
            seen = _with(seen, name, text)
        except (ValueError, LookupError, TypeError) as error:
            failed[name] = f"not understood: {error}"
    return replace(seen, failed=failed)


def _parts(output: str) -> tuple[dict[str, str], dict[str, str]]:
    """Outputs of the parts that succeeded, and complaints of those that did not."""
    marks = list(_PART.finditer(output))
    ends = [mark.start() for mark in marks[1:]] + [len(output)]
    done, failed = {}, {}
    for mark, end in zip(marks, ends, strict=False):
        text = output[mark.end() : end].strip()
        if mark[2] == "0":
            done[mark[1]] = text
        else:
            failed[mark[1]] = "no answer in time" if int(mark[2]) in _TIMED_OUT else text[-200:] or f"status {mark[2]}"
    return done, failed


def _with(seen: HostSeen, name: str, text: str) -> HostSeen:
    subject, _, cell = name.partition("-")
    match subject:
        case "certificates":
            return replace(seen, certificates=_expiries(text))
        case "member":
            return replace(seen, member=parse_member(seen.host, text))
        case "quota":
            return replace(seen, quota_bytes=int(text.partition(":")[2]))
        case "cell":
            return replace(seen, cells={**seen.cells, cell: json.loads(text)})
        case "core":
            return replace(seen, services={**seen.services, cell: text})
        case "gateway":
            return replace(seen, gateways={**seen.gateways, cell: _gateway(text)})
        case "sessions":
            return replace(seen, sessions={**seen.sessions, cell: _sessions(text)})
    return seen


def _expiries(text: str) -> dict[str, datetime]:
    """By name of the file: the moment from which on something in it is worthless."""
    files = _FILE.split(text)[1:]
    return {
        name: min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem.encode()))
        for name, pem in zip(files[::2], files[1::2], strict=True)
    }


def _samples(text: str) -> dict[str, dict[str, int]]:
    """Values by name of the metric and by session ("" without one)."""
    found: dict[str, dict[str, int]] = {}
    body = text.replace("\r\n", "\n").partition("\n\n")[2] + "\n"
    for family in text_string_to_metric_families(body):
        if family.type == "gauge":
            for sample in family.samples:
                found.setdefault(sample.name, {})[sample.labels.get("session", "")] = int(sample.value)
    return found


def _gateway(text: str) -> GatewaySeen:
    one = {name: values[""] for name, values in _samples(text).items()}
    return GatewaySeen(
        linked=one["dingli_gateway_linked"] == 1,
        epoch=one["dingli_gateway_leader_epoch"],
        sessions=one["dingli_gateway_sessions"],
        connections=one["dingli_gateway_connections"],
        unconfirmed=one["dingli_gateway_unconfirmed"],
    )


def _sessions(text: str) -> tuple[SessionSeen, ...]:
    """Empty from a core that does not tell."""
    told = _samples(text)
    next_in, next_out = told.get("dingli_core_session_next_in", {}), told.get("dingli_core_session_next_out", {})
    connected = told.get("dingli_core_session_connected", {})
    return tuple(SessionSeen(name, connected[name] == 1, next_in[name], next_out[name]) for name in sorted(connected))
