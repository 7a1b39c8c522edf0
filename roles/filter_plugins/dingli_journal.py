"""Who may do what in the journal, from its members and cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PKI = "/etc/dingli/pki"
SECRETS = "/etc/dingli/secrets"


def journal_access(journal: dict[str, Any], host: str) -> dict[str, Any]:
    """What the bootstrap of member `host` sets up: the content of /etc/dingli/journal-access.json.

    Cores read and write their cell's keys. Gateways read who leads and by which policy, and nothing else. Root serves
    the bootstrap alone. A main core is known by its certificate's common name; a minimal one by user and password,
    because etcd's JSON gateway does not know certificates.
    """
    cells = {cell["name"]: cell for cell in journal["cells"]}
    minimal = [name for name, cell in cells.items() if any(core["kind"] == "minimal" for core in cell["cores"])]
    users = {"root": ["root"], "monitor": ["monitor"]}
    roles: dict[str, list[dict[str, Any]]] = {"monitor": []}
    for name in cells:
        base = f"/dingli/v1/{name}"
        users |= {f"core-{name}": [f"core-{name}"], f"gateway-{name}": [f"gateway-{name}"]}
        roles[f"core-{name}"] = [_permission("readwrite", f"{base}/", prefix=True)]
        roles[f"gateway-{name}"] = [_permission("read", f"{base}/leader"), _permission("read", f"{base}/policy")]
        roles["monitor"].append(_permission("read", f"{base}/status/", prefix=True))
    users |= {f"minicore-{name}": [f"core-{name}"] for name in minimal}
    return {
        "endpoints": _endpoints(journal, host),
        "ca": f"{PKI}/ca.crt",
        "certificate": f"{PKI}/etcd-root.crt",
        "key": f"{PKI}/etcd-root.key",
        "users": users,
        "roles": roles,
        "policies": {f"/dingli/v1/{name}/policy": _policy(cell) for name, cell in cells.items()},
        "password_files": {f"minicore-{name}": f"{SECRETS}/minicore-{name}.password" for name in minimal},
    }


def _permission(access: str, key: str, prefix: bool = False) -> dict[str, Any]:
    return {"access": access, "key": key, "prefix": prefix}


def _policy(cell: dict[str, Any]) -> dict[str, Any]:
    """The cell's cores in order of preference."""
    cores = {core["id"]: {"kind": core["kind"], "takeover": core["takeover"]} for core in cell["cores"]}
    return {"revision": cell["revision"], "cores": cores}


def _endpoints(journal: dict[str, Any], host: str) -> list[str]:
    """Every member's client address, the own one first."""
    members = sorted(journal["members"], key=lambda member: bool(member["name"] != host))
    return [f"https://{member['address']}:{journal['client_port']}" for member in members]


class FilterModule:
    """`dingli_journal | dingli_journal_access(dingli_host)`."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dingli_journal_access": journal_access}
