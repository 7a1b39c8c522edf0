"""What there is of an environment, asked of its hosts; the engine's state is not needed for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dingli import ssh
from dingli.environment import Environment, state_dir
from dingli.gate import CHECKS, Finding, State, run_checks
from dingli.gate.check import Check
from dingli.pki import PkiError, Places
from dingli.pki import status as pki_status

__all__ = ["EnvironmentStatus", "as_text", "look"]


@dataclass(frozen=True)
class EnvironmentStatus:
    """Hosts: None if reachable, else why not."""

    hosts: dict[str, str | None]
    gate: dict[str, Finding]
    nearest_expiry: datetime | None

    @property
    def ok(self) -> bool:
        """True if every host answers and every check passed."""
        return not any(self.hosts.values()) and all(item.state is State.PASSED for item in self.gate.values())

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ok": self.ok,
            "hosts": {name: {"reachable": reason is None, "reason": reason} for name, reason in self.hosts.items()},
            "gate": {name: {"state": item.state.value, "text": item.text} for name, item in self.gate.items()},
            "nearest_certificate_expiry": self.nearest_expiry.isoformat() if self.nearest_expiry else None,
        }


def look(environment: Environment, *, send_order: bool = False) -> EnvironmentStatus:
    """Ask every host and every check, once; a real order goes through the gateways only if asked for."""
    with ThreadPoolExecutor(16) as executor:
        reasons = executor.map(lambda name: _why_unreachable(environment, name), environment.hosts)
        hosts = dict(zip(environment.hosts, reasons, strict=True))
    once = [Check(check.name, check.look, wait_s=0) for check in CHECKS if check.passive or send_order]
    return EnvironmentStatus(hosts, dict(run_checks(environment, once)), _nearest_expiry(environment))


def _why_unreachable(environment: Environment, host: str) -> str | None:
    try:
        ssh.connect(ssh.target(environment, host), timeout_s=5).close()
    except ssh.SshError as error:
        return error.found
    return None


def _nearest_expiry(environment: Environment) -> datetime | None:
    try:
        found = pki_status(Places.of(environment.name, state_dir(environment.name)))
    except PkiError:  # this clone has none: hosts and gate can be asked all the same
        return None
    return min((item.expires for item in found.certificates), default=None)


def as_text(environment: Environment, found: EnvironmentStatus, summary: bool) -> str:
    """For a person."""
    lines = []
    for site in environment.sites.values():
        lines.append(f"{site.name} ({site.role.value}, {site.city})")
        for host in environment.hosts_at(site.name):
            reason = found.hosts[host.name]
            state = "reachable" if reason is None else f"NOT REACHABLE: {reason}"
            emulated = ", emulated" if host.emulated else ""
            lines.append(f"  {host.name:<14} {host.address!s:<15} {host.arch.value}{emulated}  {state}")
    if found.hosts and all(found.hosts.values()):
        lines.append(
            "no host answers: what follows may be about this machine's network, keys or known_hosts, not the hosts"
        )
    for name, item in found.gate.items():
        lines.append(f"{name}: {item.state.value}: {item.text}")
    for cell in environment.cells.values():
        doors = ", ".join(f"{environment.hosts[host].address}:{cell.ports.fix}" for host in cell.gateways)
        lines.append(f"cell {cell.name}: FIX over TLS at {doors}")
    if found.nearest_expiry is not None:
        days = (found.nearest_expiry - datetime.now(UTC)).days
        lines.append(f"certificates: the nearest expiry is in {days} days ({found.nearest_expiry:%Y-%m-%d})")
    else:
        lines.append(f"certificates: expiry not known here, see `dingli pki status {environment.name}`")
    if summary:
        lines += ["", "what next"]
        lines.append(f"  a drill        dingli drill site_loss {environment.name}")
        lines.append(f"  an audit       dingli audit {environment.name}")
        lines.append(f"  any change     edit stacks/environments/{environment.name}.yaml")
        lines.append(f"                 dingli preview {environment.name}; dingli up {environment.name}")
    return "\n".join(lines)
