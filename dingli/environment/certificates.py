"""The certificates that each host needs. Private keys are made there; these are the contents of its requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dingli.environment.lines import IPSEC_ACCOUNT, line_addresses
from dingli.environment.logs import SENDER, STORE, logs_host
from dingli.environment.model import CoreKind, Environment

__all__ = ["MONITOR", "Certificate", "certificates", "pki_file"]

MONITOR = "monitor"
"""The common name that may read every metric, and is the journal's user of that name."""

SERVER, CLIENT = "serverAuth", "clientAuth"


@dataclass(frozen=True)
class Certificate:
    """/etc/dingli/pki/<name>.crt and .key of a host."""

    name: str
    cn: str
    sans: tuple[str, ...]
    """Addresses and DNS names, without a prefix."""
    usages: tuple[str, ...]
    owner: str
    """The account, and its group, that reads the key."""

    def plain(self) -> dict[str, Any]:
        """For the `dingli_certificates` of roles."""
        return {**asdict(self), "sans": list(self.sans), "usages": list(self.usages), "group": self.owner}


def pki_file(name: str, ending: str) -> str:
    """The path on a host of a certificate (`crt`) or key (`key`)."""
    return f"/etc/dingli/pki/{name}.{ending}"


def certificates(environment: Environment, host: str) -> tuple[Certificate, ...]:
    """Everything `host` needs, for what runs on it."""
    found: list[Certificate] = []
    sans = (host, str(environment.hosts[host].address))
    if host in environment.journal.members:
        # etcd dials itself with its server certificate, so clientAuth too; its CN names no etcd user.
        local = ("localhost", "127.0.0.1")
        found.append(Certificate("etcd", f"etcd-{host}", sans + local, (SERVER, CLIENT), "etcd"))
    for cell in environment.cells.values():
        for core in cell.cores:
            if core.host == host:
                found += _core_certificates(cell.name, core.kind, sans)
        if host in cell.gateways:
            name = f"gateway-{cell.name}"
            found.append(Certificate(name, name, sans, (CLIENT,), "dingli-gateway"))
            found.append(Certificate(f"fix-{cell.name}", f"fix-{cell.name}-{host}", sans, (SERVER,), "dingli-gateway"))
    # Debian's packages of Prometheus and its exporters share the account.
    found.append(Certificate("node", f"node-{host}", sans, (SERVER,), "prometheus"))
    if not environment.site_of(host).trading:
        local = ("localhost", "127.0.0.1")
        found.append(Certificate(MONITOR, MONITOR, sans + local, (SERVER, CLIENT), "prometheus"))
    on_lines = tuple(str(address) for address in line_addresses(environment, host))
    if on_lines:
        found.append(Certificate("ipsec", f"ipsec-{host}", sans + on_lines, (SERVER, CLIENT), IPSEC_ACCOUNT))
    if logs_host(environment) is not None:
        # The receiver files lines under the host that the certificate names, so this name is that host's alone.
        found.append(Certificate("log", f"log-{host}", sans, (CLIENT,), SENDER))
    if logs_host(environment) == host:
        found.append(Certificate("logserver", f"logserver-{host}", sans, (SERVER,), STORE))
    return tuple(found)


def _core_certificates(cell: str, kind: CoreKind, sans: tuple[str, ...]) -> list[Certificate]:
    """Gateways know a core by its CN, which is the etcd user of a main core too.

    The minimal one gives a password to etcd's JSON gateway, which refuses every certificate that has a CN once
    authentication is on: it has a second one for that, and the first is good for no client.
    """
    name = f"core-{cell}"
    if kind is CoreKind.MAIN:
        return [Certificate(name, name, sans, (SERVER, CLIENT), "dingli-core")]
    return [
        Certificate(name, name, sans, (SERVER,), "dingli-core"),
        Certificate(f"{name}-etcd", "", sans, (CLIENT,), "dingli-core"),
    ]
