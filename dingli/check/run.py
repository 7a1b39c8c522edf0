"""Asking all hosts at once, and judging what they said."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from dingli.check import clocks, contact, judgement, links, power
from dingli.check.contact import Seen
from dingli.check.facts import script
from dingli.check.finding import Finding, Report, State
from dingli.check.requirements import longest_clock_offset_s, longest_round_trip_ms, requirements
from dingli.environment import Environment

__all__ = ["examine"]

_MOST_AT_ONCE = 64


def examine(environment: Environment, tell: Callable[[str], None]) -> Report:
    """Every finding, hosts in the order of the file. `tell` gets a line as each host has answered."""
    with ThreadPoolExecutor(_MOST_AT_ONCE) as executor:
        drivers = {host: executor.submit(power.finding, environment, host) for host in environment.hosts}
        bastions = executor.map(lambda site: contact.bastion_finding(environment, site), environment.sites)
        doors = dict(zip(environment.sites, bastions, strict=True))
        asked = {executor.submit(_look, environment, host, doors): host for host in environment.hosts}
        seen: dict[str, Seen] = {}
        for future in as_completed(asked):
            seen[asked[future]] = future.result()
            answered = "answered" if seen[asked[future]].facts else "could not be asked"
            tell(f"{len(seen)} of {len(asked)}: {asked[future]} {answered}")
        findings = [door for door in doors.values() if door is not None]
        for name, host in environment.hosts.items():
            findings += judgement.judge(host, requirements(environment, name), seen[name])
            findings.append(drivers[name].result())
    in_order = [seen[name] for name in environment.hosts]
    findings += clocks.judge(in_order, longest_clock_offset_s(environment))
    findings += links.judge(environment, seen, longest_round_trip_ms(environment))
    return Report(environment.name, tuple(findings))


def _look(environment: Environment, host: str, doors: dict[str, Finding | None]) -> Seen:
    door = doors[environment.hosts[host].site]
    if door is not None and door.state is not State.GOOD:
        return Seen(host, (Finding(host, "ssh", State.UNKNOWN, f"{door.subject} does not let us through"),))
    needed = requirements(environment, host)
    ports = [port.number for port in needed.ports]
    return contact.look(environment, host, script(ports, needed.packages, links.peers(environment, host)))
