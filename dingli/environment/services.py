"""The configuration files of cores and gateways, as plain data that is written to /etc/dingli/*.json."""

from __future__ import annotations

from typing import Any

from dingli.environment.certificates import pki_file
from dingli.environment.etcd import client_endpoints, same_city_members
from dingli.environment.model import Cell, Core, CoreKind, Environment

__all__ = ["core_configuration", "gateway_configuration", "load_configuration"]

MAX_MESSAGE_BYTES = 8192


def core_configuration(environment: Environment, cell: str, host: str) -> dict[str, Any]:
    """/etc/dingli/core-<cell>.json of a host. KeyError if the cell has no core there."""
    declared = environment.cells[cell]
    core = {core.host: core for core in declared.cores}[host]
    name, address, site = f"core-{cell}", environment.hosts[host].address, environment.site_of(host)
    # Cells that are led from different sites would move the one journal's leader to and fro for ever.
    places = cell == environment.first_cell
    return {
        "cell": cell,
        "core_id": core.core_id,
        "kind": core.kind.value,
        "takeover": core.takeover.value,
        "lease_s": core.lease_s,
        "generation": 1,
        "listen": f"{address}:{declared.ports.core}",
        "advertise": f"{address}:{declared.ports.core}",
        "metrics": f"{address}:{declared.ports.core_metrics}",
        "etcd": _core_etcd(environment, core, name),
        "tls": _files(name),
        "revision": declared.revision,
        "max_age_ms": declared.max_age_ms,
        "instruments": [instrument.model_dump(mode="json") for instrument in declared.instruments],
        "state_dir": f"/var/lib/dingli/{name}",
        "same_city_journal_members": list(same_city_members(environment, host)) if places else [],
        "site": site.name,
        "city": site.city,
        "cores": _cores(declared),
    }


def gateway_configuration(environment: Environment, cell: str, host: str) -> dict[str, Any]:
    """/etc/dingli/gateway-<cell>.json of a host. KeyError if the cell has no gateway there."""
    declared = environment.cells[cell]
    if host not in declared.gateways:
        raise KeyError(host)
    name, address = f"gateway-{cell}", environment.hosts[host].address
    return {
        "cell": cell,
        "gateway_id": host,
        "fix_listen": f"{address}:{declared.ports.fix}",
        "metrics": f"{address}:{declared.ports.gateway_metrics}",
        "etcd": _etcd(environment, host, name),
        "tls": _files(name),
        "fix_tls": {"cert": pki_file(f"fix-{cell}", "crt"), "key": pki_file(f"fix-{cell}", "key")},
        "members_file": f"/etc/dingli/{name}-members.json",
        "state_dir": f"/var/lib/dingli/{name}",
        "max_message_bytes": MAX_MESSAGE_BYTES,
    }


def load_configuration(environment: Environment, cell: str) -> dict[str, Any]:
    """/etc/dingli/load-<cell>.json of an operations host, with `sessions` where the file has their passwords."""
    declared = environment.cells[cell]
    return {
        "cell": cell,
        "gateways": [
            {"name": name, "host": str(environment.hosts[name].address), "port": declared.ports.fix}
            for name in declared.running_gateways
        ],
        "instruments": [
            one.model_dump(mode="json", include={"symbol", "tick", "min_price", "max_price"})
            for one in declared.instruments
        ],
        "ca": "/etc/dingli/pki/ca.crt",
        "sessions": list(declared.sessions),
    }


def _files(name: str) -> dict[str, str]:
    return {"ca": "/etc/dingli/pki/ca.crt", "cert": pki_file(name, "crt"), "key": pki_file(name, "key")}


def _etcd(environment: Environment, host: str, name: str) -> dict[str, Any]:
    return {"endpoints": list(client_endpoints(environment, host)), **_files(name)}


def _core_etcd(environment: Environment, core: Core, name: str) -> dict[str, Any]:
    """etcd's JSON gateway knows no user by certificate: the minimal core gives a name and a password beside it."""
    if core.kind is CoreKind.MAIN:
        return _etcd(environment, core.host, name)
    password = {"user": f"mini{name}", "password_file": f"/etc/dingli/secrets/etcd-{name}.password"}
    return _etcd(environment, core.host, f"{name}-etcd") | password


def _cores(cell: Cell) -> list[dict[str, str]]:
    return [{"id": core.core_id, "kind": core.kind.value, "takeover": core.takeover.value} for core in cell.cores]
