"""Whether hosts do what their roles are there for: asked before a change and after it.

A complaint has a subject (`core of alpha`, `unit etcd.service`), so that what was wrong before a change is not counted
against it. The judgement is pure; `Watch` is what asks.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.lines import ipsec_gateways
from dingli.status.ask import Hosts
from dingli.status.complaints import core_complaint
from dingli.status.judge import judge
from dingli.status.picture import Picture

__all__ = ["Subject", "Watch", "Wellness", "complaints", "parse_units"]

_SCRIPT_S = 60
_AT_ONCE = 16


@dataclass(frozen=True)
class Subject:
    """A role group of an environment, as a Deployment has it; the group `base` is everything on a host."""

    group: str
    cell: str | None = None

    def has(self, group: str, cell: str | None = None) -> bool:
        """Whether `group` (of `cell`) is to be looked at."""
        return self.group == "base" or (self.group, self.cell) == (group, cell)


@dataclass(frozen=True)
class Units:
    """What one host's systemd and ports said. `trouble`: why they did not."""

    trouble: str | None = None
    failed: frozenset[str] = frozenset()
    states: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Unit: its state, and its main process."""
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Wellness:
    """One look at a host: what is wrong, by subject, and the processes that were running."""

    complaints: Mapping[str, str]
    processes: Mapping[str, str] = field(default_factory=dict)

    def that_lasts(self, before: Wellness) -> Wellness:
        """Without what was not wrong before, too."""
        lasting = {subject: text for subject, text in self.complaints.items() if subject in before.complaints}
        return Wellness(lasting, self.processes)

    def new_since(self, before: Wellness) -> dict[str, str]:
        """What was not wrong before."""
        return {subject: text for subject, text in self.complaints.items() if subject not in before.complaints}


class Watch:
    """Asks hosts of one group; connections stay open in between. Close it at the end."""

    def __init__(self, environment: Environment, subject: Subject) -> None:
        self._environment, self._subject = environment, subject
        self._hosts = Hosts(environment)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._hosts.__exit__()

    def picture(self) -> Picture:
        """The whole environment, now."""
        return judge(self._environment, self._hosts.look(), datetime.now(UTC))

    def look(self, names: Collection[str]) -> dict[str, Wellness]:
        """Each host in turn of its own."""
        picture = self.picture()
        with ThreadPoolExecutor(_AT_ONCE) as executor:
            units = dict(zip(names, executor.map(self._units, names), strict=True))
        return {name: complaints(self._environment, self._subject, name, picture, units[name]) for name in names}

    def _units(self, host: str) -> Units:
        script = _script(self._environment, self._subject, host)
        try:
            with ssh.connect(ssh.target(self._environment, host), patience_s=30) as connection:
                return parse_units(connection.run("sudo -n bash -s", stdin=script, timeout_s=_SCRIPT_S).stdout)
        except ssh.SshError as error:
            return Units(trouble=error.found)


def complaints(environment: Environment, subject: Subject, host: str, picture: Picture, units: Units) -> Wellness:
    """What is wrong on `host` with what `subject` is about."""
    if units.trouble is not None:
        return Wellness({"login": f"nobody can log in: {units.trouble}"})
    found = dict(_of_units(environment, subject, host, units))
    for member in picture.journal.members:
        if member.name == host and subject.has("journal") and member.state != "healthy":
            found["journal member"] = f"the journal's member is {member.state}"
    for name, cell in picture.cells.items():
        for core in cell.cores if subject.has("core", name) else ():
            reason = cell.trouble or ("is quarantined" if core.quarantined else core_complaint(core))
            if core.host == host and reason:
                found[f"core of {name}"] = f"{core.core}: {reason}"
        for gateway in cell.gateways if subject.has("gateway", name) else ():
            if gateway.host == host and not gateway.linked:
                why = gateway.reason.splitlines()[0] if gateway.reason else "linked to no leading core"
                found[f"gateway of {name}"] = f"gateway of {name}: {why}"
    return Wellness(found, {unit: process for unit, (_, process) in units.states.items()})


def _of_units(environment: Environment, subject: Subject, host: str, units: Units) -> Iterator[tuple[str, str]]:
    others = tuple(f"@{cell}.service" for cell in environment.cells if subject.cell not in (None, cell))
    for unit in sorted(units.failed):
        if not unit.endswith(others):  # another cell's part of this host is changed on its own account
            yield f"unit {unit}", f"{unit} has failed"
    for unit, (state, _) in units.states.items():
        if state != "active" and unit not in units.failed:
            yield f"unit {unit}", f"{unit} is {state}"
    for port in sorted(units.closed):
        yield f"port {port}", f"nothing takes connections at {environment.hosts[host].address}:{port}"


def _expected(environment: Environment, subject: Subject, host: str) -> tuple[list[str], list[int]]:
    """The units that run and the ports that answer where all is well."""
    units, ports = [], []
    if subject.group == "base":
        units += ["ssh.service", "chrony.service", "prometheus-node-exporter.service"]
        ports.append(environment.monitoring.node_port)
    if subject.has("journal") and host in environment.journal.members:
        units.append("etcd.service")
        ports.append(environment.journal.client_port)
    for cell in environment.cells.values():
        if subject.has("core", cell.name) and any(core.host == host for core in cell.cores):
            units.append(f"dingli-core@{cell.name}.service")
        if subject.has("gateway", cell.name) and host in cell.running_gateways:
            units.append(f"dingli-gateway@{cell.name}.service")
            ports.append(cell.ports.fix)
    if subject.has("ipsec") and host in ipsec_gateways(environment):
        units += ["strongswan.service", "dingli-lines-guard.service"]
    if subject.has("ops") and not environment.site_of(host).trading:
        units += ["prometheus.service", "prometheus-alertmanager.service"]
        ports += [environment.monitoring.prometheus_port, environment.monitoring.alertmanager_port]
    return units, ports


def _script(environment: Environment, subject: Subject, host: str) -> str:
    """For `bash -s` as root; a unit that is started again and again is between two starts as good as failed."""
    units, ports = _expected(environment, subject, host)
    address = environment.hosts[host].address
    lines = [
        "systemctl list-units --all --plain --no-legend --no-pager --state=failed,auto-restart |"
        " while read -r unit _; do echo failed $unit; done"
    ]
    for unit in units:
        lines.append(f"echo unit {unit} $(systemctl is-active {unit}) $(systemctl show -P MainPID {unit})")
    for port in ports:
        probe = shlex.join(["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"])
        lines.append(f"{probe} 2>/dev/null || echo closed {port}")
    return "\n".join([*lines, "echo end", ""])


def parse_units(output: str) -> Units:
    """The output of the script on a host."""
    failed, closed, states = set(), set(), {}
    words = [line.split() for line in output.splitlines()]
    for line in words:
        match line:
            case ["failed", unit]:
                failed.add(unit)
            case ["closed", port]:
                closed.add(int(port))
            case ["unit", unit, state, process]:
                states[unit] = (state, process)
            case ["unit", unit, state]:
                states[unit] = (state, "")
    if ["end"] not in words:
        return Units(trouble=f"an answer that was cut off: {output[-100:]!r}")
    return Units(None, frozenset(failed), states, frozenset(closed))
