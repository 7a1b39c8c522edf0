"""What an audit looks at: kinds of objects (测评对象), and each object's declaration in the environment.

The declaration is kept as a record of its own, so that judging again needs no environment file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from audit.catalogue import ObjectClass
from dingli.environment import Environment
from dingli.environment.lines import ipsec_gateways, line_addresses

__all__ = ["DECLARED", "ObjectKind", "declarations"]

DECLARED = "declared"


class ObjectKind(StrEnum):
    """A kind of object; each belongs to one class of the catalogue's scopes."""

    HOST = "host"
    ETCD = "etcd"
    JOURNAL = "journal"
    CORE = "core"
    GATEWAY = "gateway"
    NETWORK = "network"

    @property
    def object_class(self) -> ObjectClass:
        return _CLASSES[self]

    @property
    def label_zh(self) -> str:
        return _LABELS[self][0]

    @property
    def label_en(self) -> str:
        return _LABELS[self][1]


_CLASSES = {
    ObjectKind.HOST: ObjectClass.HOST,
    ObjectKind.ETCD: ObjectClass.DB,
    ObjectKind.JOURNAL: ObjectClass.DB,
    ObjectKind.CORE: ObjectClass.APP,
    ObjectKind.GATEWAY: ObjectClass.APP,
    ObjectKind.NETWORK: ObjectClass.NETWORK,
}
_LABELS = {
    ObjectKind.HOST: ("服务器", "host"),
    ObjectKind.ETCD: ("数据库节点（etcd）", "database member (etcd)"),
    ObjectKind.JOURNAL: ("数据库（日志集群）", "database (the journal)"),
    ObjectKind.CORE: ("业务应用（撮合核心）", "application (core)"),
    ObjectKind.GATEWAY: ("业务应用（FIX 网关）", "application (FIX gateway)"),
    ObjectKind.NETWORK: ("网络（由各主机观察，未登录网络设备）", "network (as its hosts see it; no device was asked)"),
}


def declarations(environment: Environment) -> dict[str, tuple[ObjectKind, dict[str, Any]]]:
    """Every object by name: its kind, and what the environment declares about it as plain data."""
    found: dict[str, tuple[ObjectKind, dict[str, Any]]] = {}
    for name in environment.hosts:
        found[name] = (ObjectKind.HOST, _host(environment, name))
    for name in environment.journal.members:
        found[f"etcd@{name}"] = (ObjectKind.ETCD, _etcd(environment, name))
    found["journal"] = (ObjectKind.JOURNAL, _journal(environment))
    for cell in environment.cells.values():
        for core in cell.cores:
            service = _service(environment, core.host, cell.ports.core)
            service |= {"cell": cell.name, "kind": core.kind.value, "metrics_port": cell.ports.core_metrics}
            found[f"core-{cell.name}@{core.host}"] = (ObjectKind.CORE, service)
        for name in cell.running_gateways:
            service = _service(environment, name, cell.ports.fix)
            service |= {"cell": cell.name, "metrics_port": cell.ports.gateway_metrics}
            found[f"gateway-{cell.name}@{name}"] = (ObjectKind.GATEWAY, service)
    found["network"] = (ObjectKind.NETWORK, _network(environment))
    return found


def _service(environment: Environment, host: str, port: int) -> dict[str, Any]:
    site = environment.site_of(host)
    return {"host": host, "address": str(environment.hosts[host].address), "port": port, "site": site.name}


def _host(environment: Environment, name: str) -> dict[str, Any]:
    host, site = environment.hosts[name], environment.site_of(name)
    lines = [str(address) for address in line_addresses(environment, name)]
    return {
        "host": name,
        "address": str(host.address),
        "site": site.name,
        "site_role": site.role.value,
        "network": str(site.network),
        "supernet": str(environment.supernet),
        "emulated": host.emulated,
        "ports": {str(port): what for port, what in declared_ports(environment, name).items()},
        **({"lines": lines} if lines else {}),
    }


def declared_ports(environment: Environment, name: str) -> dict[int, str]:
    """TCP ports on which the environment's own programs listen on a host."""
    ports: dict[int, str] = {}
    if name in environment.journal.members:
        ports |= {environment.journal.client_port: "etcd", environment.journal.peer_port: "etcd peers"}
    for cell in environment.cells.values():
        if any(core.host == name for core in cell.cores):
            ports |= {cell.ports.core: f"core {cell.name}", cell.ports.core_metrics: f"core {cell.name} metrics"}
        if name in cell.running_gateways:
            ports |= {cell.ports.fix: f"FIX {cell.name}", cell.ports.gateway_metrics: f"gateway {cell.name} metrics"}
    return ports


def _etcd(environment: Environment, name: str) -> dict[str, Any]:
    return _service(environment, name, environment.journal.client_port) | {"peer_port": environment.journal.peer_port}


def _journal(environment: Environment) -> dict[str, Any]:
    members = {
        name: {"site": environment.site_of(name).name, "city": environment.site_of(name).city}
        for name in environment.journal.members
    }
    return {
        "members": members,
        "cells": {cell.name: sorted({core.kind.value for core in cell.cores}) for cell in environment.cells.values()},
    }


def _network(environment: Environment) -> dict[str, Any]:
    hosts = {
        name: {
            "address": str(host.address),
            "site": host.site,
            "ports": sorted(declared_ports(environment, name)),
        }
        for name, host in environment.hosts.items()
    }
    # The gateways of encrypted lines, and their addresses on them: boundaries that are declared.
    lines = {name: [str(one) for one in line_addresses(environment, name)] for name in ipsec_gateways(environment)}
    return {
        "supernet": str(environment.supernet),
        "sites": {name: {"network": str(s.network), "role": s.role.value} for name, s in environment.sites.items()},
        "hosts": hosts,
        **({"lines": lines} if lines else {}),
    }
