"""What a person is woken for. Each alert has a section of its name in docs/alerts.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dingli.environment import Cell, Environment
from dingli.environment.lines import ipsec_gateways
from dingli.environment.witnesses import witness_hosts
from dingli.monitoring.delays import duration, facts_interval_s, scaled_s
from dingli.monitoring.targets import targets

__all__ = ["Alert", "Severity", "alerts", "rules"]

DISK_USED = 0.8
"""Below the 85 % at which the log guard begins to remove logs early."""
CERTIFICATE_DAYS = 14
"""`up` renews what has fewer than 30: whoever is told at 14 has missed two weeks of them."""
DATABASE_SHARE = 0.6
CLOCK_S = 0.05
"""Cores stop campaigning at 0.1."""
EVIDENCE_DAYS = 35
ARCHIVER_S = 900
"""`dingli archive run` looks every minute where it runs as its page says; the journal keeps everything meanwhile."""
LAG_S = 30
_FACTS_FILE = '{file=~".*/dingli\\\\.prom"}'


class Severity(StrEnum):
    """Critical: get up. Warning: before the next trading day."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True)
class Alert:
    """A condition that holds for a while. `summary` is Prometheus' template; `labels` come beside those found."""

    name: str
    expression: str
    for_s: float
    severity: Severity
    summary: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def runbook(self) -> str:
        """What it means and what to do."""
        return f"docs/alerts.md#{self.name.lower()}"


def alerts(environment: Environment) -> tuple[Alert, ...]:
    """Every alert of an environment, with its delays."""
    return tuple(
        alert
        for part in (_hosts, _lines, _journal, _cells, _evidence, _archive, _monitoring)
        for alert in part(environment)
    )


def rules(environment: Environment) -> dict[str, Any]:
    """The content of Prometheus' file of rules."""
    listed = [
        {
            "alert": alert.name,
            "expr": alert.expression,
            "for": duration(alert.for_s),
            "labels": {"severity": alert.severity.value, **dict(alert.labels)},
            "annotations": {"summary": alert.summary, "runbook": alert.runbook},
        }
        for alert in alerts(environment)
    ]
    return {"groups": [{"name": "dingli", "rules": listed}]}


def _hosts(environment: Environment) -> Iterator[Alert]:
    minute = scaled_s(environment, 60)
    here = "{{ $labels.host }} ({{ $labels.site }})"
    yield Alert("HostDown", 'up{job="host"} == 0', minute, Severity.CRITICAL, f"{here} does not answer")
    used = "(node_filesystem_size_bytes - node_filesystem_free_bytes)"
    yield Alert(
        "DiskSpace",
        f"{used} / ({used} + node_filesystem_avail_bytes) > {DISK_USED}",
        minute,
        Severity.WARNING,
        f"{here}: {{{{ $labels.mountpoint }}}} is {{{{ $value | humanizePercentage }}}} full",
    )
    yield Alert(
        "CertificateExpiry",
        f"dingli_certificate_expires_seconds - time() < {CERTIFICATE_DAYS * 86400}",
        0,
        Severity.WARNING,
        f"{here}: certificate {{{{ $labels.certificate }}}} expires in {{{{ $value | humanizeDuration }}}}",
    )
    yield Alert(
        "ClockOffset",
        f"abs(dingli_clock_offset_seconds) > {CLOCK_S}"
        " or dingli_clock_synchronised == 0 or dingli_core_clock_trusted == 0",
        scaled_s(environment, 120),
        Severity.CRITICAL,
        f"{here}{{{{ with $labels.core }}}}: core {{{{ . }}}}{{{{ end }}}}: the clock cannot be trusted",
    )
    yield Alert(
        "PacketFilterMissing",
        "dingli_packet_filter == 0",
        0,  # seen by a timer: it has been so for a while
        Severity.CRITICAL,
        f"{here} lets through what no flow declares",
    )
    stale_s = 3 * max(facts_interval_s(environment, host) for host in environment.hosts)
    yield Alert(
        "HostFactsStale",
        f"time() - node_textfile_mtime_seconds{_FACTS_FILE} > {stale_s}"
        f' or (up{{job="host"}} == 1) unless on (host) node_textfile_mtime_seconds{_FACTS_FILE}',
        minute,
        Severity.WARNING,
        f"{here} does not tell about its certificates, clock, packet filter and witnessed evidence",
    )


def _lines(environment: Environment) -> Iterator[Alert]:
    """What gateways write down, if there are lines; both ends of one see it, and one notification is enough."""
    gateways = ipsec_gateways(environment)
    if not gateways:
        return
    facts_s = max(facts_interval_s(environment, host) for host in gateways)
    yield Alert(
        "SiteLineDown",
        "min by (pair, line) (dingli_site_line_up) == 0",
        facts_s,
        Severity.WARNING,
        "line {{ $labels.line }} between sites is down",
    )
    yield Alert(
        "SitesCutOff",
        "max by (pair) (min by (pair, line) (dingli_site_line_up)) == 0",
        0,
        Severity.CRITICAL,
        "sites {{ $labels.pair }} have no line left between them",
    )


def _journal(environment: Environment) -> Iterator[Alert]:
    members = len(environment.journal.members)
    majority = members // 2 + 1
    here = "{{ $labels.host }} ({{ $labels.site }})"
    healthy = '(count(etcd_server_has_leader{job="journal"} == 1) or vector(0))'
    asked = f'count(up{{job="journal"}}) >= {members}'  # all of them: not by a Prometheus that has just started
    says = f"{{{{ $value }}}} of {members} members of the journal of all cells are healthy, {majority} are needed"
    yield Alert(
        "JournalMemberDown",
        'up{job="journal"} == 0',
        scaled_s(environment, 30),
        Severity.WARNING,
        f"the journal's member on {here} does not answer",
    )
    yield Alert(
        "QuorumAtRisk",
        f"{healthy} <= {majority} and {asked}",
        scaled_s(environment, 30),
        Severity.CRITICAL,
        f"{says}: losing one more stops trading",
    )
    yield Alert("QuorumLost", f"{healthy} < {majority} and {asked}", scaled_s(environment, 10), Severity.CRITICAL, says)
    yield Alert(
        "JournalDatabaseLarge",
        f"etcd_mvcc_db_total_size_in_bytes / etcd_server_quota_backend_bytes > {DATABASE_SHARE}",
        scaled_s(environment, 60),
        Severity.WARNING,
        f"{here}: the journal's database is at {{{{ $value | humanizePercentage }}}} of where it refuses writes",
    )


def _cells(environment: Environment) -> Iterator[Alert]:
    minute = scaled_s(environment, 60)
    for cell in environment.cells.values():
        yield _no_leader(environment, cell)
    core = "core {{ $labels.core }} of cell {{ $labels.cell }}"
    here = "on {{ $labels.host }} of cell {{ $labels.cell }}"
    lag_s = max(scaled_s(environment, LAG_S), 2 * environment.monitoring.scrape_interval_s)
    yield Alert(
        "CoreLag",
        # What a core says of itself, and, since one that gets no entries knows of none, where the others were before.
        f"dingli_core_lag_seconds > {lag_s:g}"
        f" or dingli_core_head < on (cell) group_left () max by (cell) (dingli_core_head offset {duration(lag_s)})",
        scaled_s(environment, 30),
        Severity.WARNING,
        f"{core} is behind",
    )
    yield Alert("CoreDown", 'up{job="core"} == 0', minute, Severity.WARNING, f"the core {here} does not answer")
    yield Alert("CoreQuarantined", "dingli_core_quarantined == 1", 0, Severity.CRITICAL, f"{core} is quarantined")
    yield Alert(
        "HashDisagreement",
        "max by (cell) (dingli_core_hash_disagreements) > 0",
        0,
        Severity.CRITICAL,
        "cores of cell {{ $labels.cell }} disagree about {{ $value }} entries",
    )
    yield Alert(
        "CellHalted",
        "max by (cell) (dingli_core_halted) == 1",
        0,
        Severity.CRITICAL,
        "cell {{ $labels.cell }} is halted until a person decides",
    )
    yield Alert(
        "GatewayDown", 'up{job="gateway"} == 0', scaled_s(environment, 30), Severity.CRITICAL,
        f"the gateway {here} does not answer",
    )  # fmt: skip
    yield Alert(
        "GatewayWithoutLeader", "dingli_gateway_linked == 0", scaled_s(environment, 30), Severity.CRITICAL,
        f"the gateway {here} has no link to a leading core",
    )  # fmt: skip


def _no_leader(environment: Environment, cell: Cell) -> Alert:
    """By cell: where no core answers there is no series that could name it."""
    return Alert(
        "NoLeader",
        f'(max(dingli_core_leading{{cell="{cell.name}"}}) or vector(0)) == 0'
        # A Prometheus that has just started has not asked everybody yet.
        f' and count(up{{job="core",cell="{cell.name}"}}) >= {len(cell.cores)}',
        scaled_s(environment, 15),
        Severity.CRITICAL,
        f"nobody leads cell {cell.name}",
        (("cell", cell.name),),
    )


def _evidence(environment: Environment) -> Iterator[Alert]:
    facts_s = max((facts_interval_s(environment, host) for host in witness_hosts(environment)), default=0)
    yield Alert(
        "EvidenceNotCountersigned",
        "dingli_evidence_head < on () group_left () max(dingli_evidence_head)"
        f" or time() - dingli_evidence_head_seconds > {EVIDENCE_DAYS * 86400}",
        1.5 * facts_s,  # what the two say must be of the same minute
        Severity.WARNING,
        "{{ $labels.host }} ({{ $labels.site }}) has not countersigned the newest evidence",
    )


def _archive(environment: Environment) -> Iterator[Alert]:
    """By cell: an archiver that never ran has no series that could name it."""
    for cell in environment.cells if environment.archive is not None else ():
        yield Alert(
            "ArchiverSilent",
            f'(max(dingli_archive_seconds{{cell="{cell}"}}) or vector(0)) < time() - {ARCHIVER_S}',
            scaled_s(environment, 300),
            Severity.WARNING,
            f"nothing of cell {cell} was archived or found archived for {ARCHIVER_S // 60} minutes",
            (("cell", cell),),
        )


def _monitoring(environment: Environment) -> Iterator[Alert]:
    minute, window = scaled_s(environment, 60), duration(max(60, scaled_s(environment, 300)))
    yield Alert(
        "TargetsMissing",
        f"count(up) < {len(targets(environment))}",
        minute,
        Severity.WARNING,
        f"Prometheus watches {{{{ $value }}}} of {len(targets(environment))} targets",
    )
    yield Alert(
        "MonitoringDown",
        'up{job=~"prometheus|alertmanager"} == 0',
        minute,
        Severity.WARNING,
        "{{ $labels.job }} on {{ $labels.host }} does not answer",
    )
    yield Alert(
        "NotificationsFailing",
        f"increase(alertmanager_notification_requests_failed_total[{window}]) > 0",
        minute,
        Severity.WARNING,
        "{{ $labels.host }}: alerts do not get through by {{ $labels.integration }}",
    )
