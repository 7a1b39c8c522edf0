"""Alerts fire for real, reach people by both channels, and end when the cause does.

What cannot be caused here is played by promtool alone (tests/unit/monitoring): a clock that is off (clocks are never
set; a host without a time source fires the same alert), 35 days without evidence,
and a lag of which the core itself knows. That Alertmanager is down reaches nobody while it is: Prometheus shows it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dingli.cell import hand_over
from dingli.environment import Environment, load
from dingli.environment.witnesses import witness_hosts
from dingli.gate import State, quorum
from dingli.monitoring import alerts, targets
from tests.live.monitoring.faults import CELL, Faults, undoing, why_not_whole
from tests.live.roles.conftest import Hosts

OPS = "ops-1"
HOME = "primary-1/main"
SINK = Path(__file__).parent / "sink.py"
FOLDER = "/run/dingli-alert-sink"
REFUSED_MAILS = 2
UNTOLD = {"MonitoringDown"}

LINES = {"SiteLineDown": "primary--dr--1", "SitesCutOff": "primary--dr"}
FIRST = {
    "HostDown": "primary-2 (primary)",
    "GatewayDown": "dr-1",
    "DiskSpace": "/mnt/dingli-full",
    "CertificateExpiry": "short",
    "ClockOffset": "dr-1",
    "PacketFilterMissing": "dr-1",
    "JournalDatabaseLarge": "dr-1",
    "HostFactsStale": "primary-1",
    "EvidenceNotCountersigned": "standby-1",
    "TargetsMissing": "Prometheus watches",
    "NotificationsFailing": "email",
    "HashDisagreement": "alpha",
    "CoreQuarantined": "dr-1/main",
    "CoreLag": "dr-1/main",
}
SECOND = {"CoreDown": "dr-1"}
THIRD = {
    "JournalMemberDown": "dr-1",
    "QuorumAtRisk": "2 of 3",
    "CellHalted": "alpha",
    "NoLeader": "alpha",
    "GatewayWithoutLeader": "standby-1",
}
FOURTH = {"QuorumLost": "of 3 members"}
CAUSED = {**LINES, **FIRST, **SECOND, **THIRD, **FOURTH}


@dataclass
class Told:
    """What arrived by each channel: alert → texts, of those that fire."""

    webhook: dict[str, list[str]] = field(default_factory=dict)
    email: dict[str, list[str]] = field(default_factory=dict)

    def has(self, alert: str, about: str) -> bool:
        return all(any(about in text for text in by.get(alert, ())) for by in (self.webhook, self.email))


def wait(what: str, why_not: Callable[[], str | None], within_s: float) -> None:
    """Until `why_not` has no reason any more."""
    until = time.monotonic() + within_s
    while reason := why_not():
        assert time.monotonic() < until, f"{what}: not within {within_s} s: {reason}"
        time.sleep(0.5)


class Monitored:
    """The lab with its monitoring, and a receiver of alerts on the operations host."""

    def __init__(self, environment: Environment, hosts: Hosts) -> None:
        self.environment, self.hosts = environment, hosts

    def ask(self, path: str) -> Any:
        """Prometheus' answer."""
        monitoring = self.environment.monitoring
        address = f"{self.environment.hosts[OPS].address}:{monitoring.prometheus_port}"
        login = 'printf "user = \\"dingli:%s\\"" "$(cat /etc/dingli/secrets/monitoring.password)"'
        curl = f'curl -s -K - --cacert /etc/dingli/pki/ca.crt "https://{address}{path}"'
        return json.loads(self.hosts.run(OPS, f"{login} | {curl}").stdout)

    def firing(self) -> set[str]:
        found = self.ask("/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found}

    def told(self) -> Told:
        told = Told()
        for line in self.hosts.run(OPS, f"cat {FOLDER}/received.jsonl", check=False).stdout.splitlines():
            one = json.loads(line)
            if one["status"] == "firing":
                getattr(told, one["channel"]).setdefault(one["alert"], []).append(one["text"])
        return told

    def expect(self, expected: dict[str, str], within_s: float) -> None:
        def missing() -> str | None:
            told = self.told()
            lacking = [name for name, about in expected.items() if not told.has(name, about)]
            return f"not told by both channels: {lacking}; fires: {sorted(self.firing())}" if lacking else None

        wait("alerts", missing, within_s)


@pytest.fixture(scope="module")
def monitored(hosts: Hosts) -> Iterator[Monitored]:
    environment = load("lab")
    assert environment.monitoring.webhook
    assert environment.monitoring.email
    hosts.run(OPS, "systemctl stop dingli-alert-sink", check=False)  # that of a killed test
    hosts.run(OPS, f"rm -rf {FOLDER}; mkdir {FOLDER}; cat > {FOLDER}/sink.py", stdin=SINK.read_text())
    ports = (urlsplit(environment.monitoring.webhook.url).port, environment.monitoring.email.smarthost.split(":")[1])
    arguments = f"{environment.hosts[OPS].address} {ports[0]} {ports[1]} {FOLDER} {REFUSED_MAILS}"
    unit = "systemd-run --quiet --collect --unit dingli-alert-sink --property RuntimeMaxSec=600"
    hosts.run(OPS, f"{unit} python3 -I {FOLDER}/sink.py {arguments}")
    yield Monitored(environment, hosts)
    hosts.run(OPS, f"systemctl stop dingli-alert-sink; rm -rf {FOLDER}")


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    opened = Hosts(load("lab"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def storm(monitored: Monitored) -> Told:
    """Everything that can be broken was broken, and is whole again."""
    environment = monitored.environment
    hand_over(environment, CELL, HOME)
    with undoing(environment, monitored.hosts) as faults:
        _lines(monitored, faults)
        _first(faults, environment)
        # These three have to be known before the next faults; the others may come meanwhile.
        monitored.expect({name: FIRST[name] for name in ("HashDisagreement", "CoreQuarantined", "CoreLag")}, 90)
        monitored.hosts.run("dr-1", f"dingli-core-ctl {CELL} unquarantine dr-1/main")
        faults.stopped("dr-1", f"dingli-core@{CELL}")
        monitored.expect(SECOND, 90)
        faults.stopped("dr-1", "etcd")
        go_on = faults.halted("primary-1")
        # All told before the next fault: a cell that goes on needs no telling, and a lost quorum hushes one at risk.
        monitored.expect(THIRD, 120)
        go_on()
        start = faults.stopped("standby-1", "etcd")
        monitored.expect(CAUSED, 180)
        start()
    told = monitored.told()
    wait("orders", lambda: why_not_whole(environment), 180)
    hand_over(environment, CELL, HOME)
    return told


def _lines(monitored: Monitored, faults: Faults) -> None:
    """One after the other, as they go in earnest."""
    mend = [faults.line_cut("primary--dr--1")]
    monitored.expect({"SiteLineDown": LINES["SiteLineDown"]}, 90)
    mend.append(faults.line_cut("primary--dr--2"))
    monitored.expect(LINES, 90)
    for one in mend:
        one()
    wait("orders over mended lines", lambda: why_not_whole(monitored.environment), 120)


def _first(faults: Faults, environment: Environment) -> None:
    deaf, *others = witness_hosts(environment)
    faults.small_quota("dr-1", share=0.65)
    faults.unreachable_witness(deaf, others)
    faults.missing_target(OPS)
    faults.full_disk("dr-1")
    faults.short_certificate("dr-1")
    faults.no_time_source("dr-1")
    faults.no_packet_filter("dr-1")
    faults.old_facts("primary-1")
    faults.wrong_vote("dr-1/main", "primary-1")
    faults.trade()
    faults.stopped("dr-1", f"dingli-gateway@{CELL}")
    faults.power_off("primary-2", 60)


def test_everything_that_is_declared_is_watched(monitored: Monitored) -> None:
    wanted = {(target.job.value, target.address) for target in targets(monitored.environment)}

    def missing() -> str | None:
        found = monitored.ask("/api/v1/targets?state=active")["data"]["activeTargets"]
        well = {
            (one["labels"]["job"], one["discoveredLabels"]["__address__"]) for one in found if one["health"] == "up"
        }
        return (
            f"{sorted(wanted - well)} and {[one['lastError'] for one in found if one['lastError']]}"
            if wanted - well
            else None
        )

    wait("targets", missing, 120)


@pytest.mark.parametrize("port", ["prometheus_port", "alertmanager_port", "node_port"])
def test_nothing_is_told_in_clear_or_without_a_password(monitored: Monitored, port: str) -> None:
    address = f"{monitored.environment.hosts[OPS].address}:{getattr(monitored.environment.monitoring, port)}"
    status = 'curl -s -o /dev/null -w "%{http_code}" --cacert /etc/dingli/pki/ca.crt'
    for scheme in ("http", "https"):
        answer = monitored.hosts.run(OPS, f"{status} {scheme}://{address}/metrics", check=False).stdout
        # 000: no connection without a certificate.
        assert answer in ({"400"} if scheme == "http" else {"401", "000"})


def test_every_alert_is_caused(monitored: Monitored) -> None:
    assert {alert.name for alert in alerts(monitored.environment)} == set(CAUSED) | UNTOLD


@pytest.mark.long
@pytest.mark.parametrize("alert", CAUSED)
def test_an_alert_that_fires_reaches_people_by_both_channels(storm: Told, alert: str) -> None:
    assert storm.has(alert, CAUSED[alert])
    assert all(f"docs/alerts.md#{alert.lower()}" in text for text in storm.webhook[alert] + storm.email[alert])


@pytest.mark.long
def test_what_was_repaired_fires_no_more(monitored: Monitored, storm: Told) -> None:
    assert quorum(monitored.environment).state is State.PASSED
    # That mails did not get through fires for as long as it looks back.
    wait("the end of all alerts", lambda: ", ".join(sorted(monitored.firing() - {"NotificationsFailing"})) or None, 90)


@pytest.mark.long
def test_an_alertmanager_that_is_down_is_shown_by_prometheus(monitored: Monitored, storm: Told) -> None:
    unit = "prometheus-alertmanager"
    monitored.hosts.run(OPS, f"systemctl stop {unit}")
    try:
        wait("the alert", lambda: None if monitored.firing() >= UNTOLD else f"fires: {sorted(monitored.firing())}", 90)
    finally:
        monitored.hosts.run(OPS, f"systemctl start {unit}")
    wait("its end", lambda: ", ".join(monitored.firing() & UNTOLD) or None, 90)
